// Long: one suite, the whole contract of a compressor.

import { KeyedRandom, type Precision, type Sparse } from '@flotilla/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Compressor, type Direction, MessageKey, type Wire } from '../compressor.js';
import { createCompressor } from '../registry.js';
import { balanced, gaussian, Moments, meanLimit, scaledPowers, trialsFor } from './statistics.js';

/** What theory says of an operator for one dimension and number of workers. */
export interface Theory {
  /** E‖C(x) − x‖² ≤ ω‖x‖², E C(x) = x. Infinite when C is biased. */
  omega: number;
  /** E‖(1/n) Σ C_i(x) − x‖² ≤ θ‖x‖². Infinite when C is biased. */
  theta: number;
  /** E‖(1/n) Σ C_i(a_i) − ā‖² ≤ A (1/n) Σ‖a_i‖² − B‖ā‖², ā the mean of the a_i; A = θ and B = 0 when left out. */
  A?: number;
  B?: number;
  /** ζ: expected number of coordinates in a message. */
  density: number;
  /** E‖C(x) − x‖² ≤ (1 − α)‖x‖². Must be given when C is biased. */
  alpha?: number;
}

/** What {@link describeCompressor} is to hold the compressor to. */
export interface CompressorOptions {
  /** Payload bytes of a message of this many coordinates, exactly. Left out when they depend on the values. */
  payloadBytes?: (coordinates: number, wire: Wire) => number;
  /** In its place: the most payload bytes that a message may take. */
  maxPayloadBytes?: (dimension: number, wire: Wire, workers: number) => number;
  /** The constants of the operator, derived independently of it. */
  theory: (dimension: number, workers: number) => Theory;
  /** ζ is an upper bound of the expected number of coordinates: the operator's own rounding makes some of them zero. */
  densityIsBound?: boolean;
  /** By how much, relatively, ω and θ may differ from those given; default 1e-12. */
  tolerance?: number;
  /** The decoded vector is a combination of other vectors: its coordinates are not those sent, and lose their signs. */
  projects?: boolean;
  /** A message depends on x alone. */
  deterministic?: boolean;
  /** Coordinates of every message, when the number is not random. */
  coordinates?: (dimension: number, workers: number) => number;
  /**
   * A magnitude m such that vectors of coordinates ±m, ±2m, ±4m attain ω and θ, so that the statistics are compared for
   * equality. Left out when the bounds are not sharp.
   */
  extremal?: (dimension: number, workers: number) => number;
  /** Dimensions to test; default {@link DIMENSIONS}. */
  dimensions?: readonly number[];
  /** Numbers of workers to test; default {@link WORKERS}. */
  workers?: readonly number[];
  /** Dimensions and numbers of workers for the statistics; default {@link SAMPLED}, as far as `dimensions` has them. */
  sampled?: readonly Case[];
  /** The smallest relative bias that the statistics must be able to see; default 0.02. More for heavy tails. */
  sensitivity?: number;
  /** Wires to test; default both. */
  wires?: readonly Wire[];
  /** Makes the compressor; default `createCompressor`. */
  create?: (spec: string, env: { dimension: number; workers: number; wire: Wire; precision?: Precision }) => Compressor;
}

/** A dimension and a number of workers to test with. */
export interface Case {
  dimension: number;
  workers: number;
}

/** The trivial ones, odd and even, a convex problem's, and an autoencoder's. */
export const DIMENSIONS = [1, 2, 3, 7, 112, 300, 4096, 25088] as const;

/** Dividing and not dividing the dimensions, above and below them. */
export const WORKERS = [1, 3, 4, 16, 150] as const;

/** Few coordinates are sampled often enough to see a bias of 2 % in each of them, many to see it in all together. */
export const SAMPLED: readonly Case[] = [
  { dimension: 1, workers: 3 },
  { dimension: 3, workers: 4 },
  { dimension: 7, workers: 3 },
  { dimension: 112, workers: 16 },
  { dimension: 300, workers: 7 },
  { dimension: 4096, workers: 3 },
];

/** The smallest relative bias that the statistics must be able to see, unless asked otherwise. */
const SENSITIVITY = 0.02;

/** Trials times coordinates of one sample of many coordinates. */
const STEPS = 500_000;

/** Bytes left free around a payload. Odd, so that payloads are unaligned. */
const MARGIN = 13;

/**
 * The properties that every compressor must have, as a vitest suite: operator and codec agree, in f32 as in f64, the operator
 * is unbiased and within its ω, θ and ζ, or within its α when it is biased, messages have the stated size, and hostile payloads
 * end in a `ProtocolError`. Exported as `@flotilla/compressors/testing`; needs vitest and fast-check, which are optional peers
 * of this package.
 *
 * @example
 * describeCompressor('rand-k:k=1', {
 *   payloadBytes: (coordinates, wire) => (wire === 'f32' ? 4 : 8) * coordinates,
 *   theory: (dimension, workers) => ({ omega: dimension - 1, theta: (dimension - 1) / workers, density: 1 }),
 *   coordinates: () => 1,
 * });
 */
export function describeCompressor(spec: string, options: CompressorOptions): void {
  describe(spec, () => {
    describe.each(options.wires ?? (['f32', 'f64'] as const))('%s', (wire) => suite(spec, wire, options));
  });
}

function suite(spec: string, wire: Wire, options: CompressorOptions): void {
  const { dimensions = DIMENSIONS, workers = WORKERS, create = createCompressor, payloadBytes, theory } = options;
  const {
    maxPayloadBytes = () => Number.POSITIVE_INFINITY,
    densityIsBound = false,
    projects = false,
    tolerance = 1e-12,
  } = options;
  const cases = dimensions
    .flatMap((d) => workers.map((n): Case => ({ dimension: d, workers: n })))
    // for time
    .filter((c) => c.dimension <= 300 || c.workers === workers[1] || c.workers === workers.at(-1));
  const sampled = options.sampled ?? SAMPLED.filter((c) => dimensions.includes(c.dimension));
  // enough for properties that do not depend on the dimension
  const small = cases.filter((c) => c.dimension <= 112 && c.workers <= 16);
  const make = (c: Case) => create(spec, { ...c, wire });
  const end = (c: Case, seed?: string) => new End(make(c), c.workers, seed);
  /** A message that carries something: with more workers than coordinates, some messages are empty. */
  const message = (c: Case) => {
    const sender = end(c);
    const x = gaussian(c.dimension);
    for (let round = 0; ; round++) {
      for (let worker = 0; worker < c.workers; worker++) {
        const payload = sender.encode(x, round, worker);
        if (sender.compressor.coordinates > 0)
          return { x, round, worker, payload, vector: sender.decode(payload, round, worker) };
      }
    }
  };

  test('ω, θ, A, B and ζ are those of theory', () => {
    for (const c of cases) {
      const { omega, theta, density, alpha, A = omega, B = 0 } = make(c).constants;
      const expected = theory(c.dimension, c.workers);
      expect(relativeDifference(1 + omega, 1 + expected.omega), label(c, 'ω')).toBeLessThan(tolerance);
      expect(relativeDifference(1 + theta, 1 + expected.theta), label(c, 'θ')).toBeLessThan(tolerance);
      expect(relativeDifference(1 + A, 1 + (expected.A ?? expected.theta)), label(c, 'A')).toBeLessThan(tolerance);
      expect(B, label(c, 'B')).toBeCloseTo(expected.B ?? 0, 12);
      if (expected.alpha !== undefined) expect(alpha, label(c, 'α')).toBeCloseTo(expected.alpha, 12);
      expect(relativeDifference(density, expected.density), label(c, 'ζ')).toBeLessThan(1e-12);
    }
  });

  test('the receiver gets bit for bit the vector that the sender gets from its own bytes', () => {
    for (const c of cases) {
      const sender = end(c);
      const receiver = end(c);
      const x = gaussian(c.dimension);
      for (const round of c.dimension > 300 ? [1] : [0, 1, 70_000]) {
        for (const worker of someWorkers(c)) {
          const payload = sender.encode(x, round, worker);
          const sent = sender.decode(payload, round, worker);
          expect(sameBits(receiver.decode(payload, round, worker), sent), label(c, round, worker)).toBe(true);
          expect(receiver.compressor.coordinates).toBe(sender.compressor.coordinates);
        }
      }
    }
  });

  // what holds of the operator in f64, its mean and its variance, holds in f32 with that; there the wire is f32
  const narrowly = (name: string, check: () => void) => (wire === 'f32' ? test(name, check) : undefined);
  narrowly(
    'in f32 it sends what it sends in f64 of the same vector, byte for byte, and decodes it to the same, rounded',
    () => {
      for (const c of cases) {
        const [wide, narrow] = [end(c), new End(create(spec, { ...c, wire, precision: 'f32' }), c.workers)];
        const x = Float32Array.from(gaussian(c.dimension));
        const start = Float32Array.from(gaussian(c.dimension).reverse());
        // typed for f64, as whatever takes f32 too
        const asF64 = (vector: Float32Array) => vector as unknown as Float64Array;
        for (const worker of someWorkers(c)) {
          const payload = wide.encode(Float64Array.from(x), 5, worker);
          expect(sameBits(narrow.encode(asF64(x), 5, worker), payload), label(c, worker)).toBe(true);
          const vector = wide.decode(payload, 5, worker);
          narrow.decode(payload, 5, worker);
          expect(narrow.compressor.coordinates, label(c, worker)).toBe(wide.compressor.coordinates);
          const copied = new Float32Array(c.dimension).fill(Number.NaN);
          narrow.compressor.copyTo(asF64(copied));
          const added = start.slice();
          narrow.compressor.addTo(asF64(added), 1 / 3);
          const size = vector.reduce((most, v) => Math.max(most, Math.abs(v)), 1);
          for (let j = 0; j < c.dimension; j++) {
            const [off, offAdded] = [copied[j] - vector[j], added[j] - (start[j] + vector[j] / 3)];
            if (Math.abs(off) <= 2 ** -22 * Math.abs(vector[j]) && Math.abs(offAdded) <= 2 ** -22 * size) continue;
            expect.fail(`${label(c, worker)}: coordinate ${j} is ${copied[j]}, in f64 ${vector[j]}; added ${added[j]}`);
          }
          const { sparse } = narrow.compressor;
          for (let k = 0; k < (sparse?.count ?? 0); k++) {
            const { index, values } = sparse as Sparse;
            if (values[k] === vector[index[k]]) continue;
            expect.fail(`${label(c, worker)}: entry ${k} is ${values[k]}, in f64 ${vector[index[k]]}`);
          }
        }
      }
    },
  );

  test('messages are decoded in any order, whatever the instance was used for before', () => {
    for (const c of [
      { dimension: 7, workers: 3 },
      { dimension: 3, workers: 16 },
      { dimension: 112, workers: 5 },
    ].filter((c) => dimensions.includes(c.dimension))) {
      const x = gaussian(c.dimension);
      const used = end(c);
      const address = fc.tuple(fc.nat(20), fc.nat(c.workers - 1), fc.boolean());
      fc.assert(
        fc.property(fc.array(address, { minLength: 1, maxLength: 8 }), (addresses) => {
          for (const [round, worker, encodes] of addresses) {
            const fresh = end(c);
            const payload = fresh.encode(x, round, worker);
            if (encodes) expect(sameBits(used.encode(x, round, worker), payload)).toBe(true);
            const vector = fresh.decode(payload, round, worker);
            expect(sameBits(used.decode(payload, round, worker), vector)).toBe(true);
          }
        }),
        { seed: 1, numRuns: 15 },
      );
    }
  });

  test('addTo adds weight times the vector that copyTo gives, and touches nothing else', () => {
    for (const c of cases.filter((c) => c.dimension <= 4096)) {
      const receiver = end(c);
      const { payload, round, worker, vector } = message(c);
      receiver.decode(payload, round, worker);
      const start = gaussian(c.dimension).reverse();
      for (const weight of [1, -1, 0.25, 1 / 3, 0]) {
        const target = start.slice();
        receiver.compressor.addTo(target, weight);
        const expected = start.map((s, j) => s + weight * vector[j]);
        expect(sameBits(target, expected), label(c, 'weight', weight)).toBe(true);
      }
      // one decoded message can be read again and again
      const again = new Float64Array(c.dimension).fill(Number.NaN);
      receiver.compressor.copyTo(again);
      expect(sameBits(again, vector), label(c)).toBe(true);
    }
  });

  test('a payload has exactly the stated bytes, at most maxBytes, and no byte outside is written', () => {
    for (const c of cases) {
      const sender = end(c);
      const { compressor } = sender;
      const x = gaussian(c.dimension);
      for (const worker of someWorkers(c)) {
        const before = x.slice();
        const payload = sender.encode(x, 3, worker);
        const { coordinates } = compressor;
        if (payloadBytes !== undefined) expect(payload.length, label(c, worker)).toBe(payloadBytes(coordinates, wire));
        expect(payload.length, label(c, worker)).toBeLessThanOrEqual(maxPayloadBytes(c.dimension, wire, c.workers));
        expect(payload.length, label(c, worker)).toBeLessThanOrEqual(compressor.maxBytes);
        if (options.coordinates !== undefined) {
          expect(coordinates, label(c, worker)).toBe(options.coordinates(c.dimension, c.workers));
        }
        // Gaussian coordinates are not zero, and no rounding makes a normal number zero
        const vector = sender.decode(payload, 3, worker);
        if (!projects) expect(vector.filter((v) => v !== 0).length, label(c, worker)).toBe(coordinates);
        expect(sameBits(x, before), 'x is left alone').toBe(true);
        // whatever the buffer held before
        expect(sameBits(sender.encode(x, 3, worker, 0x5a), payload), label(c, worker)).toBe(true);
      }
    }
  });

  test('a payload may lie in shared memory, in a buffer with no byte to spare', () => {
    for (const c of small) {
      const { x, payload, round, worker, vector } = message(c);
      const { compressor, key } = end(c);
      const out = new Uint8Array(new SharedArrayBuffer(5 + compressor.maxBytes));
      const bytes = compressor.encode(x, key.at(round, worker), out, 5);
      expect(sameBits(out.subarray(5, 5 + bytes), payload), label(c)).toBe(true);
      compressor.decode(out, 5, 5 + bytes, key.at(round, worker));
      const decoded = new Float64Array(c.dimension);
      compressor.copyTo(decoded);
      expect(sameBits(decoded, vector), label(c)).toBe(true);
    }
  });

  test('one message serves every worker when the compressor says so', () => {
    for (const c of small) {
      const sender = end(c);
      if (!sender.compressor.same) continue;
      const payload = sender.encode(gaussian(c.dimension), 2, 0);
      const sent = sender.decode(payload, 2, 0);
      for (let worker = 0; worker < c.workers; worker++) {
        expect(sameBits(end(c).decode(payload, 2, worker), sent), label(c, worker)).toBe(true);
      }
    }
  });

  test('zero, with either sign, stays zero', () => {
    for (const c of cases.filter((c) => c.dimension <= 4096)) {
      const sender = end(c);
      for (const x of [
        new Float64Array(c.dimension),
        new Float64Array(c.dimension).fill(-0),
        new Float64Array(c.dimension).map((_, j) => (j % 2 === 0 ? 0 : -0)),
      ]) {
        const worker = c.workers - 1;
        const vector = end(c).decode(sender.encode(x, 0, worker), 0, worker);
        expect(
          vector.every((v) => v === 0),
          label(c),
        ).toBe(true);
      }
    }
  });

  test('huge, tiny and subnormal magnitudes pass, each with its sign', () => {
    // on f32: near 2^97 and 2^−117, and f32 and f64 subnormals; the factor of a scaled coordinate must leave room
    const magnitudes = wire === 'f32' ? [1e29, 1e-35, 1e-39, 5e-324] : [1e295, 1e-300, 1e-310, 5e-324];
    for (const c of small) {
      const sender = end(c);
      const receiver = end(c);
      for (const magnitude of [...magnitudes, 0]) {
        const x = gaussian(c.dimension).map((g) => Math.sign(g) * magnitude);
        for (const worker of someWorkers(c)) {
          const payload = sender.encode(x, 1, worker);
          const sent = sender.decode(payload, 1, worker);
          expect(sameBits(receiver.decode(payload, 1, worker), sent), label(c, magnitude)).toBe(true);
          expect(
            sent.every((v, j) => Number.isFinite(v) && (projects || v * Math.sign(x[j]) >= 0)),
            label(c, magnitude),
          ).toBe(true);
        }
      }
    }
  });

  test('a NaN, an infinity or a magnitude above the wire is refused, and the next message passes', () => {
    // a projection of them may be smaller
    const above = wire === 'f32' && !projects ? [3.5e38, -1e39, 1e308] : [];
    for (const c of small) {
      const { x, round, worker, payload } = message(c);
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, ...above]) {
        const sender = end(c);
        // every coordinate, so that the kept ones are among them
        const bad = new Float64Array(c.dimension).fill(value);
        expectError(() => sender.encode(bad, round, worker), 'compressor', label(c, value));
        expect(sameBits(sender.encode(x, round, worker), payload), label(c, value)).toBe(true);
      }
    }
  });

  test('a single bad coordinate among good ones is refused when it is kept', () => {
    for (const c of small) {
      const { x, round, worker, vector } = message(c);
      const kept = [vector.findIndex((v) => v !== 0), vector.findLastIndex((v) => v !== 0)];
      for (const j of kept) {
        const bad = x.slice();
        bad[j] = Number.NaN;
        expectError(() => end(c).encode(bad, round, worker), 'compressor', label(c, j));
      }
    }
  });

  test('every truncation and extension of a payload is a ProtocolError, and the next message is read', () => {
    for (const c of cases.filter((c) => c.dimension <= 300)) {
      const { payload, round, worker, vector } = message(c);
      const { compressor, key } = end(c);
      const length = payload.length;
      const room = new Uint8Array(length + 64);
      room.set(payload);
      const every = length <= 64 ? 1 : 37;
      const lengths = [0, 1, 4, 8, length - 8, length - 4, length - 1, length + 1, length + 4, length + 8, length + 64];
      for (let l = 0; l < length; l += every) lengths.push(l);
      for (const l of lengths.filter((l) => l >= 0 && l !== length)) {
        expectError(() => compressor.decode(room, 0, l, key.at(round, worker)), 'protocol', label(c, l, 'bytes'));
      }
      compressor.decode(room, 0, length, key.at(round, worker));
      const decoded = new Float64Array(c.dimension);
      compressor.copyTo(decoded);
      expect(sameBits(decoded, vector), label(c)).toBe(true);
    }
  });

  test('random and damaged bytes decode to finite numbers or are a ProtocolError', () => {
    for (const c of small.filter((c) => c.workers === 3)) {
      const { payload, round, worker } = message(c);
      const { compressor, key } = end(c);
      const { maxBytes } = compressor;
      const anyLength = fc.uint8Array({ maxLength: 2 * maxBytes + 2 });
      const rightLength = fc.uint8Array({ minLength: payload.length, maxLength: payload.length });
      const damaged = fc
        .array(fc.tuple(fc.nat(payload.length - 1), fc.constantFrom(0, 1, 0x7f, 0x80, 0xf0, 0xff)), { maxLength: 6 })
        .map((changes) => {
          const bytes = payload.slice();
          for (const [i, byte] of changes) bytes[i] = byte;
          return bytes;
        });
      const decoded = new Float64Array(c.dimension);
      fc.assert(
        fc.property(fc.oneof(anyLength, rightLength, damaged), (bytes) => {
          try {
            compressor.decode(bytes, 0, bytes.length, key.at(round, worker));
          } catch (error) {
            expect(error).toMatchObject({ name: 'ProtocolError', code: 'protocol' });
            return;
          }
          compressor.copyTo(decoded);
          expect(decoded.every(Number.isFinite)).toBe(true);
        }),
        { seed: 1, numRuns: 100 },
      );
    }
  });

  test('equal keys give equal messages; the randomness of another round, seed or direction is another', () => {
    const c = { dimension: 300, workers: 3 };
    if (!dimensions.includes(c.dimension)) return;
    const x = gaussian(c.dimension);
    // four messages: one alone may be equal by chance when it carries a single coordinate
    const messages = (seed: string, round: number, direction: Direction = 'uplink') => {
      const one = new End(make(c), c.workers, seed, direction);
      const vectors = [0, 1, 2, 3].map((r) => one.decode(one.encode(x, round + r, 1), round + r, 1));
      return vectors.map((v) => Buffer.from(v.buffer).toString('base64')).join();
    };
    expect(messages('a', 5)).toBe(messages('a', 5));
    if (make(c).constants.omega === 0 || options.deterministic === true) return;
    const different = [messages('a', 5), messages('b', 5), messages('a', 10), messages('a', 5, 'downlink')];
    expect(new Set(different).size).toBe(different.length);
  });

  describe.each(sampled)('statistics at d = $dimension, n = $workers', (c) => {
    const { theta, density, A = theta, B = 0, ...bounds } = theory(c.dimension, c.workers);
    const biased = bounds.omega === Number.POSITIVE_INFINITY;
    // of a biased one α bounds the variance
    const omega = biased ? 1 - (bounds.alpha ?? 0) : bounds.omega;
    // rounding of the plain codec and of the sums here
    const epsilon = wire === 'f32' ? 2 ** -23 : 2 ** -45;
    // the wires share their supports and coins: the first is sampled in full, the other lightly
    const asked = options.sensitivity ?? SENSITIVITY;
    const sensitivity = wire === (options.wires?.[0] ?? 'f32') ? asked : 3 * asked;
    // rare large values widen the limits beyond what the variance says
    const slack = options.sensitivity === undefined ? 1.1 : 1.5;
    const few = c.dimension <= 7;
    // ⟨C(x), x⟩/‖x‖² has a variance of about 0.14 ω/d for a balanced x
    const trials = few
      ? Math.max(8000, trialsFor(sensitivity, omega, c.dimension))
      : Math.max(200, trialsFor(sensitivity, omega / c.dimension / 3), Math.floor(STEPS / c.dimension));
    // what a biased compressor does not claim is not a test that was left out
    const testUnbiased = biased ? () => undefined : test;
    const balancedSample = lazily(() => sample(end(c), balanced(c.dimension), trials));

    testUnbiased('unbiased: the mean of C(x) is x', () => {
      const { mean, limit, projection } = balancedSample();
      const x = balanced(c.dimension);
      const off: string[] = [];
      let widest = 0;
      for (let j = 0; j < c.dimension; j++) {
        const allowed = limit(j) + epsilon * Math.abs(x[j]);
        widest = Math.max(widest, allowed / Math.abs(x[j]));
        if (Math.abs(mean(j) - x[j]) > allowed) off.push(`coordinate ${j}: ${mean(j)} instead of ${x[j]} ± ${allowed}`);
      }
      expect(off).toEqual([]);
      if (few) expect(widest, 'sees a bias of the sensitivity asked for').toBeLessThan(slack * sensitivity);
      // ⟨C(x), x⟩/‖x‖² pools all coordinates: it sees a common factor that is off by less than 2 % at every dimension
      expect(Math.abs(projection.mean - 1), label(c, 'projection')).toBeLessThanOrEqual(projection.limit() + epsilon);
      expect(projection.limit(), 'sees a bias of the sensitivity asked for').toBeLessThan(slack * sensitivity);
    });

    test(`the variance is within ${biased ? '1 − α' : 'ω'}`, () => {
      const { error } = balancedSample();
      expect(error.mean).toBeLessThanOrEqual(omega + error.limit() + (1 + omega) * epsilon);
    });

    test('ζ and expectedBits are the means of a message', () => {
      const { coordinates, bits } = balancedSample();
      expect(coordinates.mean - density, 'ζ').toBeLessThanOrEqual(coordinates.limit() + 1e-9 * density);
      if (!densityIsBound)
        expect(density - coordinates.mean, 'ζ').toBeLessThanOrEqual(coordinates.limit() + 1e-9 * density);
      const { expectedBits } = make(c).constants;
      // expectedBits does not count the filling of the last byte
      const filling = bits.mean - expectedBits;
      // where the code depends on the values, a few bytes name and end it
      expect(filling, `${bits.mean} bits, expectedBits ${expectedBits}`).toBeLessThan(
        (payloadBytes === undefined ? 64 : 8) + bits.limit(),
      );
      if (payloadBytes !== undefined) expect(filling).toBeGreaterThanOrEqual(-bits.limit() - 1e-9 * expectedBits);
    });

    const { extremal } = options;
    if (extremal !== undefined) {
      test('ω is attained', () => {
        const { error } = sample(
          end(c),
          scaledPowers(c.dimension, extremal(c.dimension, c.workers)),
          Math.min(trials, 30_000),
        );
        expect(Math.abs(error.mean - omega)).toBeLessThanOrEqual(error.limit() + (1 + omega) * epsilon);
        expect(error.limit(), 'sees an error of five times the sensitivity').toBeLessThanOrEqual(
          (asked / 0.2) * omega + epsilon,
        );
      });
    }

    testUnbiased(
      `the mean of the workers' vectors is within θ${extremal === undefined ? '' : ', which is attained'}`,
      () => {
        const magnitude = extremal?.(c.dimension, c.workers) ?? 1;
        const x = extremal === undefined ? balanced(c.dimension) : scaledPowers(c.dimension, magnitude);
        const sender = end(c);
        const messages = sender.compressor.same ? 1 : c.workers;
        const error = sampleMean(sender, x, messages, few ? 8000 : Math.max(100, Math.floor(trials / messages)));
        expect(error.mean).toBeLessThanOrEqual(theta + error.limit() + (1 + theta) * epsilon);
        if (extremal !== undefined) {
          expect(error.mean).toBeGreaterThanOrEqual(theta - error.limit() - (1 + theta) * epsilon);
          expect(error.limit(), 'sees an error of ten times the sensitivity').toBeLessThanOrEqual(
            (asked / 0.1) * theta + epsilon,
          );
        }
      },
    );

    testUnbiased('the mean of messages of different vectors is within A and B', () => {
      const x = balanced(c.dimension);
      const sender = end(c);
      const rounds = few ? 8000 : Math.max(100, Math.floor(trials / c.workers));
      for (const [kind, factor] of Object.entries(FACTORS)) {
        const factors = Float64Array.from({ length: c.workers }, (_, i) => factor(i));
        const squares = factors.reduce((sum, v) => sum + v * v, 0) / c.workers;
        const mean = factors.reduce((sum, v) => sum + v, 0) / c.workers;
        const error = sampleSpread(sender, x, factors, rounds);
        const bound = A * squares - B * mean * mean;
        expect(error.mean, `${kind}: ${bound}`).toBeLessThanOrEqual(
          bound + error.limit() + (squares + bound) * epsilon,
        );
      }
    });
  });
}

/** What the workers' vectors are of one vector: opposite ones cancel in the mean, and what they draw alike does not. */
const FACTORS: Readonly<Record<string, (worker: number) => number>> = {
  opposite: (i) => (i % 2 === 0 ? 1 : -1),
  'a single one': (i) => (i === 0 ? 1 : 0),
  different: (i) => 1 + i / 4,
};

/** One end of a link: a compressor and a key of its own. Two ends share nothing but the run's seed. */
class End {
  readonly key: MessageKey;

  constructor(
    readonly compressor: Compressor,
    workers: number,
    seed = 'describe-compressor',
    direction: Direction = 'uplink',
  ) {
    this.key = new MessageKey(new KeyedRandom(seed), direction, workers);
  }

  /** The payload, written into the middle of a buffer filled with `filler`; the rest of the buffer must stay. */
  encode(x: Float64Array, round: number, worker: number, filler = 0xa5): Uint8Array {
    const out = new Uint8Array(MARGIN + this.compressor.maxBytes + MARGIN).fill(filler);
    const bytes = this.compressor.encode(x, this.key.at(round, worker), out, MARGIN);
    const payload = out.slice(MARGIN, MARGIN + bytes);
    out.fill(filler, MARGIN, MARGIN + bytes);
    if (!out.every((byte) => byte === filler)) throw new Error(`wrote outside its ${bytes} bytes`);
    return payload;
  }

  /** The vector of a payload that lies in the middle of other bytes. */
  decode(payload: Uint8Array, round: number, worker: number): Float64Array {
    const bytes = new Uint8Array(MARGIN + payload.length + MARGIN).fill(0xff);
    bytes.set(payload, MARGIN);
    this.compressor.decode(bytes, MARGIN, MARGIN + payload.length, this.key.at(round, worker));
    const vector = new Float64Array(this.compressor.dimension).fill(Number.NaN);
    this.compressor.copyTo(vector);
    return vector;
  }
}

/** Statistics of C(x) over the messages of `trials` rounds, the workers taking turns. */
function sample({ compressor, key }: End, x: Float64Array, trials: number) {
  const { dimension } = compressor;
  const out = new Uint8Array(compressor.maxBytes);
  const vector = new Float64Array(dimension);
  const squaredNorm = x.reduce((s, v) => s + v * v, 0);
  // of C(x) − x, coordinate by coordinate
  const sum = new Float64Array(dimension);
  const squares = new Float64Array(dimension);
  const largest = new Float64Array(dimension);
  const projection = new Moments();
  const error = new Moments();
  const coordinates = new Moments();
  const bits = new Moments();
  for (let t = 0; t < trials; t++) {
    key.at(t, t % key.workers);
    const bytes = compressor.encode(x, key, out, 0);
    compressor.decode(out, 0, bytes, key);
    compressor.copyTo(vector);
    let along = 0;
    let total = 0;
    for (let j = 0; j < dimension; j++) {
      const difference = vector[j] - x[j];
      const square = difference * difference;
      sum[j] += difference;
      squares[j] += square;
      if (Math.abs(difference) > largest[j]) largest[j] = Math.abs(difference);
      along += difference * x[j];
      total += square;
    }
    projection.add(1 + along / squaredNorm);
    error.add(total / squaredNorm);
    coordinates.add(compressor.coordinates);
    bits.add(8 * bytes);
  }
  const varianceOf = (j: number) => Math.max(0, squares[j] / trials - (sum[j] / trials) ** 2);
  // a coordinate that was rarely kept says too little of its own variance and range: the others speak for it
  const variance = sum.map((_, j) => varianceOf(j) / x[j] ** 2).reduce((total, v) => total + v, 0) / dimension;
  const range = largest.map((v, j) => v / Math.abs(x[j])).reduce((high, v) => Math.max(high, v), 0);
  return {
    /** Mean of coordinate j. */
    mean: (j: number) => x[j] + sum[j] / trials,
    /** How far it may be from its expectation. */
    limit: (j: number) =>
      meanLimit(Math.max(varianceOf(j), variance * x[j] ** 2), range * Math.abs(x[j]), trials, dimension),
    /** ⟨C(x), x⟩/‖x‖². */
    projection,
    /** ‖C(x) − x‖²/‖x‖². */
    error,
    coordinates,
    bits,
  };
}

/** ‖(1/n) Σ C_i(x) − x‖²/‖x‖² over rounds, for the first n workers' messages of a round. */
function sampleMean({ compressor, key }: End, x: Float64Array, messages: number, rounds: number): Moments {
  const out = new Uint8Array(compressor.maxBytes);
  const mean = new Float64Array(compressor.dimension);
  const squaredNorm = x.reduce((s, v) => s + v * v, 0);
  const error = new Moments();
  for (let round = 0; round < rounds; round++) {
    mean.fill(0);
    for (let worker = 0; worker < messages; worker++) {
      const bytes = compressor.encode(x, key.at(round, worker), out, 0);
      compressor.decode(out, 0, bytes, key);
      compressor.addTo(mean, 1 / messages);
    }
    let total = 0;
    for (let j = 0; j < x.length; j++) total += (mean[j] - x[j]) ** 2;
    error.add(total / squaredNorm);
  }
  return error;
}

/** ‖(1/n) Σ C_i(a_i) − ā‖²/‖x‖² over rounds, a_i = factors[i] · x. */
function sampleSpread({ compressor, key }: End, x: Float64Array, factors: Float64Array, rounds: number): Moments {
  const out = new Uint8Array(compressor.maxBytes);
  const off = new Float64Array(compressor.dimension);
  const squaredNorm = x.reduce((s, v) => s + v * v, 0);
  const vectors = Array.from(factors, (factor) => x.map((v) => factor * v));
  const mean = factors.reduce((sum, v) => sum + v, 0) / factors.length;
  const error = new Moments();
  for (let round = 0; round < rounds; round++) {
    for (let j = 0; j < x.length; j++) off[j] = -mean * x[j];
    for (const [worker, vector] of vectors.entries()) {
      const bytes = compressor.encode(vector, key.at(round, worker), out, 0);
      compressor.decode(out, 0, bytes, key);
      compressor.addTo(off, 1 / factors.length);
    }
    error.add(off.reduce((sum, v) => sum + v * v, 0) / squaredNorm);
  }
  return error;
}

/** The first, the last and one in the middle. */
function someWorkers({ workers }: Case): number[] {
  return [...new Set([0, workers >> 1, workers - 1])];
}

function expectError(action: () => void, code: 'compressor' | 'protocol', message: string): void {
  let thrown: unknown;
  try {
    action();
  } catch (error) {
    thrown = error;
  }
  const name = code === 'protocol' ? 'ProtocolError' : 'CompressorError';
  expect(thrown, message).toMatchObject({ name, code, message: expect.stringMatching(/./) });
}

function sameBits(a: Float64Array | Uint8Array, b: Float64Array | Uint8Array): boolean {
  return Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));
}

function relativeDifference(a: number, b: number): number {
  return a === b ? 0 : Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b), Number.MIN_VALUE);
}

function label(c: Case, ...details: unknown[]): string {
  return [`d = ${c.dimension}, n = ${c.workers}`, ...details].join(', ');
}

/** Computes a value when it is first asked for. */
function lazily<T>(compute: () => T): () => T {
  let value: T | undefined;
  return () => {
    value ??= compute();
    return value;
  };
}
