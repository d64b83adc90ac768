import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, test } from 'vitest';
import { expectSame, PHASES } from './lost-in-phase.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-phase-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// All methods in all phases are in the long suite: here each phase with one of the methods that differ most in what their workers keep.
const METHODS = ['m3', 'diana', 'pp-marina:sampled=2,p=0.3', 'ef21-bc', 'vr-marina:batch=4', 'core:m=2'];

test.each(PHASES.map((calls, k) => [METHODS[k % METHODS.length] as string, calls] as const))(
  '%s, a thread that ends in gradient %i',
  (method, calls) => expectSame(folder, method, calls),
);
