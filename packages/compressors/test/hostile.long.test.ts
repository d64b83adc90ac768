import { test } from 'vitest';
import { CASES, fuzz, LARGE } from './hostile.js';

// pnpm fuzz [--long] sets the seconds
const seconds = Number(process.env.FLOTILLA_FUZZ ?? 60);

test(`fuzzing for ${seconds} seconds`, { timeout: 1000 * (seconds + 60) }, () => {
  const until = Date.now() + 1000 * seconds;
  const all = [...CASES, ...LARGE];
  for (let seed = Date.now() % 2 ** 31; Date.now() < until; seed++) {
    for (const [spec, dimension] of all) {
      for (const wire of ['f32', 'f64'] as const) fuzz(spec, dimension, wire, 30, seed);
    }
  }
});
