import { describe, expect, test } from 'vitest';
import { ask, cases, compare, haveNumPy, recorded } from './regression-cases.js';

describe('least squares and softmax, against a program of NumPy', () => {
  test.each(cases.map((of, k) => ({ ...of, k })))('$problem on $file, as recorded', ({ k }) =>
    compare(cases[k], recorded[k]),
  );

  test.skipIf(!haveNumPy())('the program still says what is recorded', () => {
    for (const [k, { f, gradient }] of ask(cases).entries()) {
      const off = (found: readonly number[], expected: readonly number[]) =>
        Math.max(...found.map((v, j) => Math.abs(v - expected[j])));
      expect(off(f, recorded[k].f)).toBeLessThan(1e-12);
      expect(off(gradient, recorded[k].gradient)).toBeLessThan(1e-12);
    }
  });
});
