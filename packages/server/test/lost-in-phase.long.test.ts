import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { methods } from '@flotilla/core';
import { afterAll, describe, expect, test } from 'vitest';
import { expectSame, PHASES } from './lost-in-phase.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-phase-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Where a method needs more than its name. */
const SPECS: Readonly<Record<string, string>> = {
  'vr-marina': 'vr-marina:batch=4',
  'vr-diana': 'vr-diana:batch=4',
  'pp-marina': 'pp-marina:sampled=2',
  core: 'core:m=2',
};

describe.each(Object.keys(methods))('%s', (method) => {
  test.each(PHASES)('a thread that ends in gradient %i', (calls) => expectSame(folder, SPECS[method] ?? method, calls));
});

test('every spec is of a method', () =>
  expect(Object.keys(methods)).toEqual(expect.arrayContaining(Object.keys(SPECS))));
