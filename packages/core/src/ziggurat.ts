import { exactExp, exactLog } from './gaussian.js';
import type { Kernels } from './kernels/kernels.js';
import { Rng } from './random.js';

// Ziggurat [G. Marsaglia, W. W. Tsang, J. Stat. Software 5 (2000)]: 256 layers of equal area under exp(−x²/2). Layer and
// position come from different bits of a word. Tables and rejections are plain IEEE arithmetic.

const LAYERS = 256;
/** Where the tail begins, and the area of a layer. */
const TAIL = 3.6541528853610088;
const AREA = 0.004928673233974655;

const density = (x: number) => exactExp(-0.5 * x * x);

/** Of each layer. */
interface Tables {
  /** Width of one of the 2²⁴ positions in it. */
  readonly unit: Float64Array;
  /** How many of them, from the middle, lie under the next layer. */
  readonly inner: Float64Array;
  readonly height: Float64Array;
}

let made: Tables | undefined;

/** Made when the first value is drawn: most threads draw none. */
function tables(): Tables {
  if (made !== undefined) return made;
  const ends = layerEnds();
  const inner = ends.map((end, i) => ((ends[i + 1] ?? 0) / end) * 2 ** 23);
  made = { unit: ends.map((end) => end * 2 ** -23), inner, height: ends.map(density) };
  return made;
}

/** Right ends of the layers; the lowest one's stands for a rectangle with the tail's area added. */
function layerEnds(): Float64Array {
  const x = new Float64Array(LAYERS + 1);
  x[0] = AREA / density(TAIL);
  x[1] = TAIL;
  for (let i = 2; i < LAYERS; i++) x[i] = Math.sqrt(-2 * exactLog(AREA / x[i - 1] + density(x[i - 1])));
  return x;
}

/**
 * Draws standard normal values, rounded to f32, a function of the stream alone, bit for bit the same on every engine. One
 * object serves one thread.
 */
export class Ziggurat {
  readonly #kernels: Kernels;
  /** Where the stream stands, in kernel memory, and the tables beside it. */
  readonly #place: Int32Array;
  readonly #inner: Float64Array;
  readonly #unit: Float64Array;
  readonly #slow = new Rng();

  constructor(kernels: Kernels) {
    const { inner, unit } = tables();
    this.#kernels = kernels;
    this.#place = kernels.allocateInt32(4);
    this.#inner = kernels.allocate(LAYERS).values;
    this.#inner.set(inner.subarray(0, LAYERS));
    this.#unit = kernels.allocate(LAYERS).values;
    this.#unit.set(unit.subarray(0, LAYERS));
  }

  /** Fills `out`, in kernel memory, from the stream at `state`, and moves `state` behind what was drawn. */
  fill(state: Int32Array, out: Float32Array): void {
    const place = this.#place;
    place.set(state);
    for (let at = 0; ; at++) {
      at = this.#kernels.drawNormals(place, this.#inner, this.#unit, out, at);
      if (at === out.length) break;
      // the word that is not decided by its layer alone: 1 in 80
      const rng = this.#slow;
      rng.load(place);
      const word = rng.next() | 0;
      out[at] = outside(rng, word & 0xff, ((word >> 8) + 0.5) * this.#unit[word & 0xff]);
      rng.save(place);
    }
    state.set(place);
  }
}

/** The value for a point of `layer` that is not under the next one: itself when it lies under the curve, or a new one. */
function outside(rng: Rng, first: number, point: number): number {
  const { unit, inner, height } = tables();
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
