import { fileURLToPath } from 'node:url';
import { createCompressor, MessageKey } from '@flotilla/compressors';
import { Kernels, KeyedRandom, type Precision, type Vector } from '@flotilla/core';
import { describe, expect, test } from 'vitest';
import { type TrainOptions, train } from '../dist/index.js';
import { openHere } from '../dist/testing/in-process.js';

// Vectors whose frames are longer than a slot, of which a round touches few coordinates.

const D = 140_000;
const K = 300;
const N = 5;
const common: TrainOptions = {
  problem: `heterogeneous-quadratic:d=${D},sigma=0.3`,
  workers: N,
  method: 'marina:p=0.3',
  uplink: `rand-k:k=${K}`,
  stepSize: 0.5,
};
const PRECISIONS: readonly Precision[] = ['f64', 'f32'];

/** MARINA by plain loops over all coordinates; the run says which rounds are dense. */
async function byPlainLoops(precision: Precision, isDense: readonly boolean[]): Promise<Vector> {
  const training = await openHere({ ...common, precision });
  const { problem } = training.plan;
  await training.close();
  const zeros = () => (precision === 'f32' ? new Float32Array(D) : new Float64Array(D));
  const kernels = new Kernels();
  const oracles = Array.from({ length: N }, (_, i) => problem.oracle(i, kernels));
  const gradients = Array.from({ length: N }, zeros);
  const x = zeros();
  const g = zeros();
  const mean = zeros();
  const random = new KeyedRandom('0');
  const key = new MessageKey(random, 'uplink', N);
  const compressor = createCompressor(`rand-k:k=${K}`, { dimension: D, workers: N, wire: 'f32', precision });
  const identity = createCompressor('identity', { dimension: D, workers: N, wire: 'f32', precision });
  const frame = new Uint8Array(identity.maxBytes);
  const fold = (codec: typeof identity, vector: Vector, round: number, i: number) => {
    const bytes = codec.encode(vector as Float64Array, key.at(round, i), frame, 0);
    codec.decode(frame.slice(0, bytes), 0, bytes, key.at(round, i));
    codec.addTo(mean as Float64Array, 1 / N);
  };
  for (const [i, oracle] of oracles.entries()) {
    oracle.gradient(x as Float64Array, gradients[i] as Float64Array);
    fold(identity, gradients[i] as Vector, 0, i);
  }
  g.set(mean);
  for (const [k, dense] of isDense.entries()) {
    // as the wire carries it
    for (let j = 0; j < D; j++) g[j] = Math.fround(g[j] as number);
    for (let j = 0; j < D; j++) x[j] = (x[j] as number) + -0.5 * (g[j] as number);
    mean.fill(0);
    for (const [i, oracle] of oracles.entries()) {
      const before = (gradients[i] as Vector).slice();
      const after = gradients[i] as Vector;
      oracle.gradient(x as Float64Array, after as Float64Array);
      if (dense) fold(identity, after, k + 1, i);
      else {
        const difference = zeros();
        for (let j = 0; j < D; j++) difference[j] = (after[j] as number) - (before[j] as number);
        fold(compressor, difference, k + 1, i);
      }
    }
    for (let j = 0; j < D; j++) g[j] = dense ? (mean[j] as number) : (g[j] as number) + (mean[j] as number);
  }
  return x;
}

describe.each(PRECISIONS)('in %s', (precision) => {
  test('MARINA is what plain loops over all coordinates make of it, bit for bit', async () => {
    const training = await openHere({ ...common, precision });
    const isDense: boolean[] = [];
    await training.start();
    for (let round = 0; round < 12; round++) {
      const before = training.ledger.total('uplink', { kind: 'dense' }).messages;
      await training.round();
      isDense.push(training.ledger.total('uplink', { kind: 'dense' }).messages > before);
      // in between, the memory of the mean is the evaluation's
      if (round === 5) await training.evaluate();
    }
    expect(new Set(isDense)).toEqual(new Set([true, false]));
    const own = training.iterate();
    await training.close();
    expect(Buffer.from(own.buffer).equals(Buffer.from((await byPlainLoops(precision, isDense)).buffer))).toBe(true);
  });

  test('is the same on any number of threads, and goes on from a snapshot after more rounds', async () => {
    const options: TrainOptions = { ...common, precision, rounds: 8, evalEvery: 4 };
    const one = await train({ ...options, transport: 'loopback' }).result;
    for (const threads of [1, 2, N, 'auto'] as const) {
      const { xHash, loss, gradNormSq } = await train({ ...options, transport: 'threads', threads }).result;
      expect({ xHash, loss, gradNormSq }).toEqual({ xHash: one.xHash, loss: one.loss, gradNormSq: one.gradNormSq });
    }
    const training = await openHere({ ...options, transport: 'threads', threads: 2 });
    const rounds = async (count: number) => {
      for (let k = 0; k < count; k++) await training.round();
    };
    await rounds(3);
    const state = await training.snapshot();
    // the next round is another's, of which x has been moved already
    await rounds(2);
    await training.restore(state);
    await rounds(5);
    expect(training.xHash()).toBe(one.xHash);
    await training.close();
  });
});

test('a method that knows of no support may write to the mean wherever it likes', async () => {
  const plugins = [fileURLToPath(new URL('./plugins/heavy-balls.js', import.meta.url))];
  const hashes: string[] = [];
  for (const method of ['beside', 'in-place']) {
    const training = await openHere({ ...common, stepSize: 0.01, plugins, method });
    for (let round = 0; round < 4; round++) await training.round();
    hashes.push(training.xHash());
    await training.close();
  }
  expect(hashes[1]).toBe(hashes[0]);
});
