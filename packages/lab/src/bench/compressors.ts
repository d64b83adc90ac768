import { type Compressor, createCompressor, log2Binomial, MessageKey } from '@flotilla/compressors';
import { KeyedRandom, Rng, type Runtime } from '@flotilla/core';
import { parseOptions } from '@flotilla/server';
import { Training } from '@flotilla/server/internal';
import { median } from '../report/statistics.js';
import type { Bench } from './bench.js';

const WORKERS = 20;
const DIMENSIONS = [112, 25_088, 1_000_000];
/** Dimension of the autoencoder on MNIST, and the rounds before its gradient is taken. */
const AUTOENCODER = 25_088;
const ROUNDS = 100;
/** Repetitions of a timing; the median counts. Memory is copied in between, so that both see the same machine. */
const REPEATS = 9;
/** Coordinates that the messages of one empirical ω have together, at least, and the fewest messages. */
const SAMPLED = 1_000_000;
const FEWEST = 4;

const whole = (d: number) => [
  'identity',
  'perm-k',
  'perm-k+natural',
  'natural',
  `qsgd:levels=${Math.round(Math.sqrt(d))}`,
  'l2-quantization',
  'natural-dithering:levels=8',
  'bernoulli:p=0.1',
  'scaled(natural)',
];
const kept = (d: number) =>
  ['0.1%', '1%', '5%'].flatMap((k) => {
    const specs = ['rand-k:k=', 'top-k:k=', 'rand-k:k=', 'top-k:k='].map(
      (s, i) => `${s}${k}${i > 1 ? '+natural' : ''}`,
    );
    const m = Math.max(1, Math.floor((parseFloat(k) / 100) * d));
    // m·d normal values a message
    return m * d > 1e7 ? specs : [...specs, `core:m=${m}`];
  });

interface Row {
  readonly data: string;
  readonly dimension: number;
  readonly spec: string;
  /** Payload bits a coordinate of the vector, and the fewest that any code needs on average for what was sent. */
  readonly bits: number;
  readonly bound: number;
  readonly expectedBits: number;
  readonly omega: number;
  readonly empiricalOmega: number;
  /** bits · ω/d, and its limit ½ ω log₂(1 + 1/ω) [Safaryan, Shulgin, Richtárik 2020, uncertainty principle]. */
  readonly eta: number | null;
  readonly etaLimit: number | null;
  readonly encodeGBs: number;
  readonly decodeGBs: number;
  readonly memcpyGBs: number;
}

/** What every compressor writes, how far it is from the bound, its variance and its speed. */
export const compressors: Bench = {
  name: 'compressors',
  summary: 'bits really written beside the bound, variance beside theory, speed beside memcpy, for every compressor',
  async run({ quick, smoke, runtime, log }) {
    const rows: Row[] = [];
    const dimensions = quick ? DIMENSIONS.slice(0, 2) : DIMENSIONS;
    for (const dimension of dimensions) {
      const sources: [string, () => Float64Array | Promise<Float64Array>][] = [
        ['Gaussian', () => drawn(dimension, (rng) => rng.normal())],
        ['Laplace', () => drawn(dimension, (rng) => (rng.below(2) === 0 ? 1 : -1) * -Math.log(1 - rng.uniform()))],
      ];
      if (dimension === AUTOENCODER)
        sources.push(['autoencoder gradient', () => autoencoderGradient(smoke ? 1 : ROUNDS, runtime)]);
      for (const [data, source] of smoke ? sources.slice(-1) : sources) {
        log(`${data}, d = ${dimension}`);
        const x = await source();
        for (const spec of [...whole(dimension), ...kept(dimension)]) {
          rows.push(measureCompressor(data, spec, x, quick, smoke));
        }
      }
    }
    return { results: rows, tables: tables(rows), notes: NOTES };
  },
};

const NOTES = [
  'Bits are payload bits a coordinate of the vector, really written. The bound is what no code can go below for these messages: 32 bits for a plain value, log₂ C(d, K) for a support that has to travel, the empirical entropy of the signed levels of a rounding (none is known beforehand, so that of this one vector), 32 for a norm. A code that learns from neighbours can be below it where neighbours are alike.',
  'ω is that of theory, then the mean of ‖C(x) − x‖²/‖x‖² over messages; for a biased compressor 1 − α.',
  'Speeds are GB of f32 input a second, processor time, the median of nine, beside Float32Array.prototype.set of the same vector between them.',
];

function tables(rows: readonly Row[]) {
  const groups = [...new Set(rows.map((row) => `${row.data}, d = ${row.dimension}`))];
  return groups.map((title) => ({
    title,
    columns: [
      'compressor',
      'bits',
      'bound',
      'ratio',
      'expected',
      'ω',
      'seen',
      'η',
      'limit',
      'encode',
      'decode',
      'memcpy',
    ],
    rows: rows
      .filter((row) => `${row.data}, d = ${row.dimension}` === title)
      .map((row) => [
        row.spec,
        ...[row.bits, row.bound, row.bits / row.bound, row.expectedBits, row.omega, row.empiricalOmega].map(digits),
        ...[row.eta, row.etaLimit, row.encodeGBs, row.decodeGBs, row.memcpyGBs].map((v) =>
          v === null ? null : digits(v),
        ),
      ]),
  }));
}

const digits = (value: number) => (Number.isFinite(value) ? value.toPrecision(3) : null);

/** Bits, variance and speed of one compressor on messages made of one vector. */
function measureCompressor(data: string, spec: string, x: Float64Array, quick: boolean, smoke: boolean): Row {
  const dimension = x.length;
  const compressor = createCompressor(spec, { dimension, workers: WORKERS, wire: 'f32' });
  const key = new MessageKey(new KeyedRandom('bench'), 'uplink', WORKERS);
  const out = new Uint8Array(compressor.maxBytes);
  const vector = new Float64Array(dimension);
  const square = x.reduce((sum, v) => sum + v * v, 0);
  const messages = smoke ? FEWEST : Math.max(FEWEST, Math.floor((quick ? 0.2 : 1) * (SAMPLED / dimension)));
  let bytes = 0;
  let bound = 0;
  let error = 0;
  for (let message = 0; message < messages; message++) {
    key.at(message, message % WORKERS);
    const length = compressor.encode(x, key, out, 0);
    compressor.decode(out, 0, length, key);
    compressor.copyTo(vector);
    bytes += length;
    bound += leastBits(spec, compressor, vector);
    for (let j = 0; j < dimension; j++) error += ((vector[j] as number) - (x[j] as number)) ** 2 / square;
  }
  const { omega, alpha, expectedBits } = compressor.constants;
  const bits = (8 * bytes) / messages / dimension;
  const biased = !Number.isFinite(omega);
  return {
    data,
    dimension,
    spec,
    bits,
    bound: bound / messages / dimension,
    expectedBits: expectedBits / dimension,
    omega: biased ? 1 - alpha : omega,
    empiricalOmega: error / messages,
    eta: biased ? null : bits * omega,
    etaLimit: biased ? null : omega === 0 ? 0 : 0.5 * omega * Math.log2(1 + 1 / omega),
    ...speeds(compressor, key, x, out, smoke ? 1 : REPEATS),
  };
}

/** Bits that no code of these messages can go below on average. */
function leastBits(spec: string, compressor: Compressor, vector: Float64Array): number {
  const { coordinates } = compressor;
  if (coordinates === 0) return 0;
  if (spec.startsWith('core')) return 32 * coordinates;
  const nonZero = vector.filter((v) => v !== 0);
  const support = spec.startsWith('top-k') ? log2Binomial(vector.length, coordinates) : 0;
  if (spec.startsWith('l2-quantization')) return 32 + log2Binomial(vector.length, coordinates) + coordinates;
  if (/qsgd|dithering/.test(spec)) return 32 + vector.length * entropy(vector);
  return support + (spec.includes('natural') ? nonZero.length * entropy(nonZero) : 32 * coordinates);
}

/** Bits a value of its own empirical distribution. */
function entropy(values: Float64Array): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / values.length) * Math.log2(count / values.length);
  return bits;
}

function speeds(compressor: Compressor, key: MessageKey, x: Float64Array, out: Uint8Array, repeats: number) {
  const from = Float32Array.from(x);
  const to = new Float32Array(x.length);
  // short vectors are done many times over
  const times = Math.max(1, Math.floor(100_000 / x.length));
  const clock = (action: () => void): number => {
    const start = process.cpuUsage();
    for (let i = 0; i < times; i++) action();
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000 / times;
  };
  const encode: number[] = [];
  const decode: number[] = [];
  const copy: number[] = [];
  let length = 0;
  // rounds without a message say nothing of speed
  let round = 0;
  while (round < 1000 && compressor.encode(x, key.at(round, 0), out, 0) === 0) round++;
  for (let k = 0; k < repeats + 2; k++) {
    copy.push(clock(() => to.set(from)));
    encode.push(
      clock(() => {
        length = compressor.encode(x, key.at(round, 0), out, 0);
      }),
    );
    decode.push(clock(() => compressor.decode(out, 0, length, key.at(round, 0))));
  }
  const rate = (list: number[]) => (4 * x.length) / 1e6 / median(list.slice(2));
  return { encodeGBs: rate(encode), decodeGBs: rate(decode), memcpyGBs: rate(copy) };
}

function drawn(dimension: number, draw: (rng: Rng) => number): Float64Array {
  const rng = new KeyedRandom('bench').stream(new Rng(), 'init', dimension, 0);
  return new Float64Array(dimension).map(() => draw(rng));
}

/** ∇f of the default problem after some rounds of gradient descent: what the iterate moved by. */
async function autoencoderGradient(rounds: number, runtime: Runtime): Promise<Float64Array> {
  const options = parseOptions({ method: 'gd', workers: 4, wire: 'f64', transport: 'loopback' });
  const training = await Training.open(options, { runtime });
  try {
    for (let round = 0; round < rounds; round++) await training.round();
    const before = training.iterate();
    await training.round();
    return Float64Array.from(training.iterate(), (v, j) => ((before[j] as number) - v) / training.stepSize);
  } finally {
    await training.close();
  }
}
