import { describe, test } from 'vitest';
import { expectOneHash, runs } from './determinism.js';

describe('the final iterate is a function of the configuration and the seed', () => {
  // a thread for each of twenty workers takes longest to start: once
  const counts = runs.map((_, k) => (k === 0 ? [2, 20] : [7]));
  test.each(runs.map((options, k) => ({ ...options, counts: counts[k] })))(
    '$method on $problem: threads 1 and $counts, and loopback',
    ({ counts, ...options }) => expectOneHash(options, counts),
  );
});
