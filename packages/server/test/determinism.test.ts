import { describe, test } from 'vitest';
import { expectOneHash, runs } from './determinism.js';

// describeMethod asks the same of every method on few threads
describe('the final iterate is a function of the configuration and the seed', () => {
  const [autoencoder, classification, , , bidirectional, , , inF32] = runs;
  test.each([
    { options: autoencoder, threads: 20 },
    { options: classification, threads: 7 },
    { options: bidirectional, threads: 2 },
    { options: inF32, threads: 7 },
  ])('$options.method on 1 and $threads threads, and loopback', ({ options, threads }) =>
    expectOneHash(options, [threads]),
  );
});
