import { Kernels, type Region } from './kernels/kernels.js';
import type { Rng } from './random.js';
import type { Vector } from './vector.js';
import { Ziggurat } from './ziggurat.js';

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
  readonly #kernels: Kernels;
  readonly #ziggurat: Ziggurat;
  /** Where in its stream the vectors begin, and where those start that are not kept. */
  readonly #origin = new Int32Array(4);
  readonly #rest = new Int32Array(4);
  readonly #place = new Int32Array(4);
  /** In kernel memory: the vectors that are kept, one that is not, and the operands and results of the two passes. */
  readonly #kept: Float32Array;
  readonly #keptRows: number;
  readonly #row: Float32Array;
  readonly #x: Region;
  readonly #products: Region;
  readonly #sum: Region;
  /** What #sum is the combination of, and whether it still is of these vectors. */
  readonly #factors: Region;
  #combined = false;
  #filled = false;

  constructor(
    /** d */
    readonly dimension: number,
    /** m */
    readonly count: number,
    kernels = new Kernels(),
    cacheBytes = CACHE_BYTES,
  ) {
    this.#kernels = kernels;
    this.#ziggurat = new Ziggurat(kernels);
    this.#keptRows = Math.min(count, Math.floor(cacheBytes / (4 * dimension)));
    this.#kept = kernels.allocateFloat32(this.#keptRows * dimension);
    this.#row = kernels.allocateFloat32(this.#keptRows < count ? dimension : 0);
    this.#x = kernels.allocate(dimension);
    this.#sum = kernels.allocate(dimension);
    this.#products = kernels.allocate(count);
    this.#factors = kernels.allocate(count);
  }

  /** Moves to the vectors that `rng` draws from where it stands: ξ_1 first, coordinate by coordinate. */
  at(rng: Rng): this {
    const place = this.#place;
    rng.save(place);
    if (!this.#filled || place.some((word, i) => word !== this.#origin[i])) {
      this.#origin.set(place);
      this.#ziggurat.fill(place, this.#kept);
      this.#rest.set(place);
      this.#filled = true;
      this.#combined = false;
    }
    return this;
  }

  /** out[j] ← ⟨ξ_j, x⟩, j < m. The order of every sum is fixed. */
  project(x: Vector, out: Vector): void {
    this.#x.values.set(x);
    this.#each((xi, rows, j) => this.#kernels.project(xi, rows, this.#x, this.#products, j));
    out.set(this.#products.values);
  }

  /**
   * Σ_j (weight · s_j) ξ_j, summed from ξ_1 on; valid until the next call. The workers of a thread ask for the same sum:
   * whoever asks first adds it up.
   */
  combination(s: Vector, weight: number): Float64Array {
    const [sum, factors] = [this.#sum.values, this.#factors.values];
    if (this.#combined && factors.every((factor, j) => factor === weight * s[j])) return sum;
    for (let j = 0; j < factors.length; j++) factors[j] = weight * s[j];
    sum.fill(0);
    this.#each((xi, rows, j) => this.#kernels.addCombination(xi, rows, this.#factors, j, this.#sum));
    this.#combined = true;
    return sum;
  }

  /** The vectors that are kept, at once, and then the others; with the place of the first. */
  #each(visit: (xi: Float32Array, rows: number, j: number) => void): void {
    if (this.#keptRows > 0) visit(this.#kept, this.#keptRows, 0);
    this.#place.set(this.#rest);
    for (let j = this.#keptRows; j < this.count; j++) {
      this.#ziggurat.fill(this.#place, this.#row);
      visit(this.#row, 1, j);
    }
  }
}
