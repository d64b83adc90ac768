import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadFromCatalogue } from '../dist/data/cache.js';
import { catalogue, type DataFile } from '../dist/data/catalogue.js';
import { expectCopiesKnown } from './catalogue-copies.js';
import { haveWholeSets, wholeSets } from './reference-data.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-copies-'));
afterAll(() => rmSync(folder, { recursive: true }));

test.skipIf(!haveWholeSets()).each(['phishing', 'a9a'])('%s is what the catalogue says it is', async (name) => {
  await expectCopiesKnown(name, wholeSets, join(folder, name));
});

test.skipIf(!haveWholeSets())('the test part of a9a, which lacks the last feature', async () => {
  const data = await loadFromCatalogue(
    'a9a.t',
    catalogue.a9a.test as DataFile,
    { FLOTILLA_DATA: wholeSets, FLOTILLA_DATA_URL: 'file:///nowhere/' },
    { features: catalogue.a9a.features },
  );
  expect([data.samples, data.features, data.value.length]).toEqual([16_281, 123, 225_731]);
});
