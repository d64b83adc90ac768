import { exactExp, exactLog } from './gaussian.js';
import { Rng } from './random.js';

/** Most memory that one sketch keeps of its vectors, in bytes. What does not fit is drawn again in every pass. */
const CACHE_BYTES = 64 << 20;

/**
 * The shared Gaussian vectors ξ_1 … ξ_m ~ N(0, I_d) of CORE [Yue et al. 2023], and the two things done with them. They are
 * f32 numbers, a function of the stream alone, bit for bit the same on every engine.
 *
 * One object serves one thread. Passes over the same stream cost a fraction of the first one, as long as m·d values fit
 * into 64 MiB, and {@link GaussianSketch.combination} of the same values costs nothing but a comparison; share the object
 * between the workers of a thread.
 */
export class GaussianSketch {
  /** Where in its stream the vectors begin, and where those start that are not kept. */
  readonly #origin = new Int32Array(4);
  readonly #rest = new Int32Array(4);
  readonly #place = new Int32Array(4);
  readonly #kept: Float32Array;
  readonly #keptRows: number;
  readonly #row: Float32Array;
  #filled = false;
  /** The last combination, of what, and whether it still is of these vectors. */
  #combined: Float64Array | undefined;
  readonly #of: Float64Array;
  #current = false;

  constructor(
    /** d */
    readonly dimension: number,
    /** m */
    readonly count: number,
    cacheBytes = CACHE_BYTES,
  ) {
    this.#keptRows = Math.min(count, Math.floor(cacheBytes / (4 * dimension)));
    this.#kept = new Float32Array(this.#keptRows * dimension);
    this.#row = new Float32Array(this.#keptRows < count ? dimension : 0);
    this.#of = new Float64Array(count);
  }

  /** Moves to the vectors that `rng` draws from where it stands: ξ_1 first, coordinate by coordinate. */
  at(rng: Rng): this {
    const place = this.#place;
    rng.save(place);
    if (!this.#filled || place.some((word, i) => word !== this.#origin[i])) {
      this.#origin.set(place);
      fillNormal(place, this.#kept);
      this.#rest.set(place);
      this.#filled = true;
      this.#current = false;
    }
    return this;
  }

  /** out[j] ← ⟨ξ_j, x⟩, j < m. The order of every sum is fixed. */
  project(x: Float64Array, out: Float64Array): void {
    const d = this.dimension;
    for (let j = 0; j < this.#keptRows; j++) out[j] = dot(this.#kept, j * d, x);
    this.#eachDrawn((j, xi) => {
      out[j] = dot(xi, 0, x);
    });
  }

  /**
   * Σ_j (weight · s_j) ξ_j, summed from ξ_1 on; valid until the next call. The workers of a thread ask for the same sum:
   * whoever asks first adds it up.
   */
  combination(s: Float64Array, weight: number): Float64Array {
    this.#combined ??= new Float64Array(this.dimension);
    const [sum, of] = [this.#combined, this.#of];
    if (this.#current && of.every((value, j) => value === weight * s[j])) return sum;
    for (let j = 0; j < of.length; j++) of[j] = weight * s[j];
    this.#current = true;
    sum.fill(0);
    const d = this.dimension;
    const fours = this.#keptRows & ~3;
    for (let j = 0; j < fours; j += 4) addFour(sum, this.#kept, j * d, of, j);
    for (let j = fours; j < this.#keptRows; j++) addScaled(sum, of[j], this.#kept, j * d);
    this.#eachDrawn((j, xi) => addScaled(sum, of[j], xi, 0));
    return sum;
  }

  /** The vectors that are not kept. */
  #eachDrawn(visit: (j: number, xi: Float32Array) => void): void {
    this.#place.set(this.#rest);
    for (let j = this.#keptRows; j < this.count; j++) {
      fillNormal(this.#place, this.#row);
      visit(j, this.#row);
    }
  }
}

/** ⟨ξ, x⟩ with ξ from `at` on, in four partial sums, so that one addition need not wait for the one before. */
function dot(xi: Float32Array, at: number, x: Float64Array): number {
  const whole = x.length & ~3;
  let a = 0;
  let b = 0;
  let c = 0;
  let e = 0;
  for (let i = 0, k = at; i < whole; i += 4, k += 4) {
    a += xi[k] * x[i];
    b += xi[k + 1] * x[i + 1];
    c += xi[k + 2] * x[i + 2];
    e += xi[k + 3] * x[i + 3];
  }
  for (let i = whole; i < x.length; i++) a += xi[at + i] * x[i];
  return a + b + (c + e);
}

/** target ← target + factor · ξ, ξ from `at` on. */
function addScaled(target: Float64Array, factor: number, xi: Float32Array, at: number): void {
  for (let i = 0; i < target.length; i++) target[i] += factor * xi[at + i];
}

/** The same four times, for the vectors from `at` and the factors from `j` on, to the last bit. */
function addFour(target: Float64Array, xi: Float32Array, at: number, factors: Float64Array, j: number): void {
  const d = target.length;
  const [a, b, c, e] = [factors[j], factors[j + 1], factors[j + 2], factors[j + 3]];
  const [second, third, fourth] = [at + d, at + 2 * d, at + 3 * d];
  for (let i = 0; i < d; i++) {
    target[i] = target[i] + a * xi[at + i] + b * xi[second + i] + c * xi[third + i] + e * xi[fourth + i];
  }
}

// Ziggurat [G. Marsaglia, W. W. Tsang, J. Stat. Software 5 (2000)]: 256 layers of equal area under exp(−x²/2). Layer and
// position come from different bits of a word. Tables and rejections are plain IEEE arithmetic.

const LAYERS = 256;
/** Where the tail begins, and the area of a layer. */
const TAIL = 3.6541528853610088;
const AREA = 0.004928673233974655;

const density = (x: number) => exactExp(-0.5 * x * x);

/** Right ends of the layers; the lowest one's stands for a rectangle with the tail's area added. */
const ends = layerEnds();
/** Width of one of the 2²⁴ positions in a layer, and how many of them, from the middle, lie under the next layer. */
const unit = ends.map((end) => end * 2 ** -23);
const inner = ends.map((end, i) => ((ends[i + 1] ?? 0) / end) * 2 ** 23);
const height = ends.map(density);

function layerEnds(): Float64Array {
  const x = new Float64Array(LAYERS + 1);
  x[0] = AREA / density(TAIL);
  x[1] = TAIL;
  for (let i = 2; i < LAYERS; i++) x[i] = Math.sqrt(-2 * exactLog(AREA / x[i - 1] + density(x[i - 1])));
  return x;
}

const slow = new Rng();

/** Fills `out` with standard normal values, rounded to f32, from the stream at `state`, and moves `state` behind them. */
function fillNormal(state: Int32Array, out: Float32Array): void {
  let a = state[0];
  let b = state[1];
  let c = state[2];
  let counter = state[3];
  for (let i = 0; i < out.length; i++) {
    // Rng.next()
    const word = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + word) | 0;
    const layer = word & 0xff;
    // the middles of 2²⁴ intervals, symmetric about 0
    const position = (word >> 8) + 0.5;
    if (Math.abs(position) < inner[layer]) {
      out[i] = position * unit[layer];
      continue;
    }
    state[0] = a;
    state[1] = b;
    state[2] = c;
    state[3] = counter;
    slow.load(state);
    out[i] = outside(slow, layer, position * unit[layer]);
    slow.save(state);
    a = state[0];
    b = state[1];
    c = state[2];
    counter = state[3];
  }
  state[0] = a;
  state[1] = b;
  state[2] = c;
  state[3] = counter;
}

/** The value for a point of `layer` that is not under the next one: itself when it lies under the curve, or a new one. */
function outside(rng: Rng, first: number, point: number): number {
  let layer = first;
  let x = point;
  for (;;) {
    if (layer === 0) return x < 0 ? -tail(rng) : tail(rng);
    const y = height[layer] + (rng.next() + 0.5) * 2 ** -32 * (height[layer + 1] - height[layer]);
    if (y < density(x)) return x;
    const word = rng.next() | 0;
    layer = word & 0xff;
    const position = (word >> 8) + 0.5;
    x = position * unit[layer];
    if (Math.abs(position) < inner[layer]) return x;
  }
}

/** A normal value beyond {@link TAIL} [G. Marsaglia, Technometrics 6 (1964)]. */
function tail(rng: Rng): number {
  for (;;) {
    const x = -exactLog((rng.next() + 0.5) * 2 ** -32) / TAIL;
    const y = -exactLog((rng.next() + 0.5) * 2 ** -32);
    if (2 * y >= x * x) return TAIL + x;
  }
}
