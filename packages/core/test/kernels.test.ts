import { expect, test } from 'vitest';
import { Kernels } from '../dist/kernels/kernels.js';
import { KeyedRandom, Rng } from '../dist/random.js';

const kernels = new Kernels();
const rng = new KeyedRandom('kernels').stream(new Rng(), 'init', 0, 0);

/** A region filled with normal values. */
function filled(length: number) {
  const region = kernels.allocate(length);
  for (let k = 0; k < length; k++) region.values[k] = rng.normal();
  return region;
}

test.each([
  [4, 2, 2],
  [32, 36, 36],
  [36, 6, 10],
  [16, 784, 16],
  [784, 16, 16],
  [16, 16, 784],
])('multiplyTransposed %i × %i over %i is A Bᵀ', (rows, columns, inner) => {
  const [a, b, out] = [filled(rows * inner), filled(columns * inner), filled(rows * columns)];
  kernels.multiplyTransposed(a, b, out, { rows, columns, inner });
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      let size = 0;
      for (let k = 0; k < inner; k++) {
        sum += a.values[i * inner + k] * b.values[j * inner + k];
        size += Math.abs(a.values[i * inner + k] * b.values[j * inner + k]);
      }
      expect(Math.abs(out.values[i * columns + j] - sum)).toBeLessThanOrEqual(1e-14 * size);
    }
  }
});

test('multiplyTransposed from the middle of a region', () => {
  const [a, b, out] = [filled(4 * 8), filled(4 * 8), filled(16)];
  kernels.multiplyTransposed(a, b, out, { rows: 4, columns: 2, inner: 4, aAt: 16, bAt: 8 });
  let sum = 0;
  for (let k = 0; k < 4; k++) sum += a.values[16 + 4 + k] * b.values[8 + k];
  expect(out.values[2]).toBeCloseTo(sum, 13);
});

test.each([
  [4, 8],
  [12, 40],
  [20, 4096],
])('addGram16 of %i × %i is exact', (side, length) => {
  const region = kernels.allocate((side * length) / 4);
  const x = new Int16Array(region.values.buffer, region.pointer, side * length);
  // 255 everywhere in the first row: the largest sum there is
  for (let k = 0; k < x.length; k++) x[k] = k < length ? 255 : rng.below(256);
  const out = kernels.allocate(side * side);
  kernels.addGram16(region, out, side, length);
  kernels.addGram16(region, out, side, length);
  for (let i = 0; i < side; i++) {
    for (let j = i; j < side; j++) {
      let sum = 0;
      for (let k = 0; k < length; k++) sum += x[i * length + k] * x[j * length + k];
      expect(out.values[i * side + j]).toBe(2 * sum);
    }
  }
});

test('views stay valid while the memory grows', () => {
  const own = new Kernels();
  const first = own.allocate(8);
  first.values.fill(7);
  const large = own.allocate(1 << 20);
  expect(large.values.every((v) => v === 0)).toBe(true);
  expect([...first.values]).toEqual(new Array(8).fill(7));
  expect(large.pointer % 64).toBe(0);
});

test('more than the memory can hold is a clear error', () => {
  expect(() => new Kernels().allocate(2 ** 29)).toThrow(/exceed 4 GiB/);
});
