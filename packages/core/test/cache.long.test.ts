import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { expectCopiesKnown } from './catalogue-copies.js';
import { haveWholeSets, wholeSets } from './reference-data.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-copies-'));
afterAll(() => rmSync(folder, { recursive: true }));

test.skipIf(!haveWholeSets()).each(['phishing', 'a9a'])('%s is what the catalogue says it is', async (name) => {
  const fetched = vi.spyOn(globalThis, 'fetch');
  await expectCopiesKnown(name, wholeSets, join(folder, name));
  expect(fetched).not.toHaveBeenCalled();
});
