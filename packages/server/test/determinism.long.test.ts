import { describe, test } from 'vitest';
import { expectOneHash, runs } from './determinism.js';

describe('the final iterate is a function of the configuration and the seed', () => {
  test.each(runs)('$method on $problem: threads 1, 2, 7, 20 and loopback', (options) =>
    expectOneHash(options, [2, 7, 20]),
  );
});
