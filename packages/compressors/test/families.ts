import type { Wire } from '../dist/index.js';
import { DIMENSIONS, describeCompressor, SAMPLED } from '../dist/testing/describe-compressor.js';
import { KEPT, naturalBytes, WORST, worthSampling } from './specs.js';

// Suites of compressors that differ in a parameter: some values in the short suite, the others in the long one.

/** Natural compression of what rand-k and same-rand-k keep. */
export function describeSelectedNatural(k: string): void {
  const kept = KEPT[k];
  const fits = (d: number) => Number.isNaN(Number(k)) || d >= Number(k);
  const options = {
    dimensions: DIMENSIONS.filter(fits),
    maxPayloadBytes: (d: number, wire: Wire, n: number) => naturalBytes(kept(d, n), wire),
    coordinates: kept,
    extremal: (d: number, n: number) => (WORST * kept(d, n)) / d,
    sampled: SAMPLED.filter((c) => fits(c.dimension) && worthSampling(k, c)),
  };
  describeCompressor(`rand-k:k=${k}+natural`, {
    ...options,
    theory: (d, n) => {
      const omega = ((d / kept(d, n)) * 9) / 8 - 1;
      return { omega, theta: omega / n, density: kept(d, n) };
    },
  });
  describeCompressor(`same-rand-k:k=${k}+natural`, {
    ...options,
    theory: (d, n) => {
      const omega = ((d / kept(d, n)) * 9) / 8 - 1;
      // with K = d nothing is selected: every worker gets a message of its own
      // workers share the support, not the rounding
      const scale = d / kept(d, n);
      const A = scale - 1 + scale / 8 / n;
      return { omega, theta: kept(d, n) === d ? omega / n : omega, A, density: kept(d, n) };
    },
    sampled: options.sampled.filter((c) => c.dimension === 112 && k !== '100%'),
  });
}

/** Packed levels of at most s, a sign each, after the norm and a byte. */
export const packed = (count: number, s: number, wire: Wire) =>
  (wire === 'f32' ? 4 : 8) + 1 + Math.ceil((count * (1 + Math.ceil(Math.log2(s + 1)))) / 8);

/** Cases in which a rounding is seen well enough. */
export const few = {
  dimensions: [1, 2, 7, 112, 300, 4096],
  workers: [1, 4, 16],
  sampled: SAMPLED.filter((c) => c.dimension === 3 || c.dimension === 7 || c.dimension === 112),
  densityIsBound: true,
  // one coordinate is rarely kept, and then large
  sensitivity: 0.06,
};

/** QSGD with s levels. */
export function describeQsgd(s: number): void {
  describeCompressor(`qsgd:levels=${s}`, {
    ...few,
    theory: (d, n) => {
      const omega = Math.min(d / s ** 2, Math.sqrt(d) / s);
      return { omega, theta: omega / n, density: Math.min(d, s * Math.sqrt(d)) };
    },
    maxPayloadBytes: (d, wire) => packed(d, s, wire),
  });
}

/** Natural dithering with s levels in the p-norm. */
export function describeNaturalDithering(s: number, p: string): void {
  describeCompressor(`natural-dithering:levels=${s},p=${p}`, {
    ...few,
    theory: (d, n) => {
      const spread = d ** (1 / Math.min(p === 'inf' ? 2 : Number(p), 2)) * 2 ** (1 - s);
      const omega = 1 / 8 + spread * Math.min(1, spread);
      return { omega, theta: omega / n, density: d };
    },
    maxPayloadBytes: (d, wire) => packed(d, s, wire),
  });
}
