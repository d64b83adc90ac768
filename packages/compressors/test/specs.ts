import type { Wire } from '../dist/index.js';

/** Payload bytes of values as they are, and the most of a sign and an exponent: packed, and a byte that says so. */
export const plainBytes = (coordinates: number, wire: Wire) => (wire === 'f32' ? 4 : 8) * coordinates;
export const naturalBytes = (coordinates: number, wire: Wire) =>
  coordinates === 0 ? 0 : 1 + Math.ceil(((wire === 'f32' ? 9 : 12) * coordinates) / 8);

/** The magnitude within a binade that natural compression rounds worst: (x − 1)(2 − x)/x² is largest, 1/8, at 4/3. */
export const WORST = 4 / 3;

/** Ways to write K, and the K they stand for. */
export const KEPT: Readonly<Record<string, (dimension: number, workers: number) => number>> = {
  '1': () => 1,
  '2': () => 2,
  '3': () => 3,
  '4': () => 4,
  '5': () => 5,
  '6': () => 6,
  '7': () => 7,
  '100': () => 100,
  '300': () => 300,
  '4000': () => 4000,
  '25088': () => 25088,
  '1%': (d) => Math.max(1, Math.floor(d / 100)),
  '40%': (d) => Math.max(1, Math.floor((2 * d) / 5)),
  '100%': (d) => d,
  'd/n': (d, n) => Math.max(1, Math.floor(d / n)),
};

/** Copies of each coordinate that PermK deals out, and the factor of a coordinate. */
export function permKTheory(d: number, n: number) {
  const copies = d >= n ? 1 : Math.floor(n / d);
  const scale = n / copies;
  // of q of n workers, drawn without replacement
  const spread = n === 1 ? 0 : (n - copies) / (copies * (n - 1));
  return { scale, omega: scale - 1, theta: 0, A: spread, B: spread, density: d / scale };
}

/**
 * Whether the statistics of a given K say something new at this dimension: percentages repeat the numbers at small ones, and
 * a handful of many coordinates is seldom enough seen.
 */
export function worthSampling(k: string, { dimension, workers }: { dimension: number; workers: number }): boolean {
  return dimension <= 7 ? Number(k) <= dimension : KEPT[k](dimension, workers) > dimension / 50 && !(Number(k) < 100);
}
