// Long: each function of one module beside plain loops.
import { describe, expect, test } from 'vitest';
import { Kernels, type Matrix } from '../dist/kernels/kernels.js';
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
  [4, 2],
  [16, 784],
  [36, 10],
])('gram of %i rows over %i has the bits of multiplyTransposed', (rows, inner) => {
  const [a, out, expected] = [filled(rows * inner + 8), filled(rows * rows), filled(rows * rows)];
  kernels.gram(a, 8, out, rows, inner);
  kernels.multiplyTransposed(a, a, expected, { rows, columns: rows, inner, aAt: 8, bAt: 8 });
  expect(out.values).toEqual(expected.values);
});

/** Rows of 8-bit values with stored zeros, and with blocks of four columns that none of four rows has; `dense` has them all. */
function byteRows(count: number, features: number, dense: boolean) {
  const [start, column, value]: number[][] = [[0], [], []];
  for (let s = 0; s < count; s++) {
    for (let c = 0; c < features; c++) {
      const isThere = dense || (c % 12 < 6 ? rng.below(3) === 0 : s % 8 === 3 && c % 12 < 8);
      if (!isThere) continue;
      column.push(c);
      // 255 everywhere in column 1: the largest sum there is
      value.push(c === 1 ? 255 : rng.below(4) === 0 ? 0 : rng.below(256));
    }
    start.push(column.length);
  }
  const rows = {
    start: kernels.allocateInt32(count + 1),
    column: kernels.allocateUint16(column.length),
    value: kernels.allocateUint8(value.length),
  };
  rows.start.set(start);
  rows.column.set(column);
  rows.value.set(value);
  const at = (s: number, c: number) => {
    const k = column.slice(start[s], start[s + 1]).indexOf(c);
    return k < 0 ? 0 : value[start[s] + k];
  };
  return { rows, at };
}

test.each([
  [1, 5, false],
  [4, 40, false],
  [11, 40, false],
  [62, 61, false],
  [7, 30, true],
])('second moments of %i rows of %i columns are exact (dense: %s)', (count, features, dense) => {
  const { rows, at } = byteRows(count, features, dense);
  const seen = kernels.allocateUint8(features);
  kernels.markColumns(rows, count, seen);
  const samples = Array.from({ length: count }, (_, s) => s);
  const columns = Array.from({ length: features }, (_, c) => c);
  const used = columns.filter((c) => samples.some((s) => at(s, c) !== 0));
  expect(columns.filter((c) => seen[c] !== 0)).toEqual(used);

  const place = kernels.allocateInt32(features).fill(-1);
  used.forEach((c, j) => {
    place[c] = j;
  });
  const side = (used.length + 3) & ~3;
  const out = kernels.allocateInt32(side * side);
  const group = kernels.allocateUint8(9 * side);
  const list = kernels.allocateInt32(side / 4);
  kernels.addGram(rows, count, place, { group, list }, out, side);
  expect(group.every((v) => v === 0)).toBe(true);
  kernels.addGram(rows, count, place, { group, list }, out, side);
  kernels.mirror(out, side);
  for (let i = 0; i < side; i++) {
    for (let j = 0; j < side; j++) {
      const sum = samples.reduce((total, s) => total + at(s, used[i] ?? -1) * at(s, used[j] ?? -1), 0);
      expect(out[i * side + j]).toBe(2 * sum);
    }
  }
});

/** A symmetric matrix, of integers or of real numbers. */
function symmetric(side: number, integers: boolean): Matrix {
  const values = integers ? kernels.allocateInt32(side * side) : kernels.allocate(side * side).values;
  for (let i = 0; i < side; i++) {
    for (let j = i; j < side; j++) {
      values[i * side + j] = integers ? rng.below(2 ** 31) : rng.normal();
      values[j * side + i] = values[i * side + j];
    }
  }
  return { pointer: values.byteOffset, values };
}

/** The same without what is far from the diagonal: `bands` groups of four columns in the first row, up to all of them. */
function banded(m: Matrix, side: number, bands: number): Matrix {
  for (let a = 0; a < side; a++) {
    for (let b = 0; b < side; b++) if (Math.abs(a - b) >= side - 4 * bands) m.values[a * side + b] = 0;
  }
  return m;
}

/** Σ_k a_ik m_kj, and Σ |a_ik m_kj| beside it. */
function product(a: ArrayLike<number>, m: ArrayLike<number>, i: number, j: number, side: number) {
  let [sum, size] = [0, 0];
  for (let k = 0; k < side; k++) {
    sum += a[i * side + k] * m[k * side + j];
    size += Math.abs(a[i * side + k] * m[k * side + j]);
  }
  return { sum, size };
}

describe.each([true, false])('matrices (integers: %s)', (integers) => {
  test.each([
    [4, 4, 0],
    [32, 36, 0],
    [8, 100, 0],
    [8, 100, 2],
    [8, 100, 20],
    [8, 100, 25],
  ])(
    'multiply %i rows by side %i is A M, summed from first to last, where M has %i bands of zeros',
    (rows, side, bands) => {
      const m = banded(symmetric(side, integers), side, bands);
      const [a, out] = [filled(rows * side), filled(rows * side).values];
      kernels.multiply(a, kernels.withExtents(m, side), out, rows, side);
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < side; j++) expect(out[i * side + j]).toBe(product(a.values, m.values, i, j, side).sum);
      }
    },
  );

  test.each([
    [0, 0],
    [0.05, 0],
    [0.5, 0],
    [1, 0],
    [0.5, 1],
    [0.5, 2],
    [0.5, 7],
  ])('addSparseProduct at density %f adds A M, in order, where M has %i bands of zeros', (density, bands) => {
    const [rows, side] = [9, 28];
    const dense = new Float64Array(rows * side).map(() => (rng.uniform() < density ? rng.normal() : 0));
    const start = kernels.allocateInt32(side + 1);
    const row = kernels.allocateInt32(rows * side);
    const { values } = kernels.allocate(rows * side);
    let count = 0;
    for (let j = 0; j < side; j++) {
      for (let i = 0; i < rows; i++) {
        if (dense[i * side + j] === 0) continue;
        row[count] = i;
        values[count++] = dense[i * side + j];
      }
      start[j + 1] = count;
    }
    const m = banded(symmetric(side, integers), side, bands);
    const bordered = kernels.withExtents(m, side);
    const out = filled(rows * side).values;
    const expected = out.slice();
    kernels.addSparseProduct({ start, row, values }, bordered, out, side);
    for (let i = 0; i < rows; i++) {
      for (let k = 0; k < side; k++) {
        for (let j = 0; j < side; j++) expected[i * side + j] += dense[i * side + k] * m.values[k * side + j];
      }
    }
    expect(out).toEqual(expected);
  });

  test('of no columns there is nothing to add or multiply', () => {
    const m = kernels.withExtents(symmetric(0, integers), 0);
    const [empty, out] = [kernels.allocate(0), kernels.allocate(0).values];
    const step = { start: kernels.allocateInt32(1), row: kernels.allocateInt32(0), values: empty.values };
    kernels.addSparseProduct(step, m, out, 0);
    kernels.multiply(empty, m, out, 32, 0);
    expect(out).toHaveLength(0);
  });

  test('withExtents names whole groups of four columns, and none of a row of zeros', () => {
    const side = 12;
    const m = symmetric(side, integers);
    m.values.fill(0);
    for (const [a, b] of [
      [0, 0],
      [1, 3],
      [1, 4],
      [2, 5],
      [2, 6],
      [3, 11],
    ])
      m.values[a * side + b] = 1;
    const { extent } = kernels.withExtents(m, side);
    const rows = Array.from({ length: 4 }, (_, j) => [extent[2 * j], extent[2 * j + 1]]);
    expect(rows).toEqual([
      [0, 4],
      [0, 8],
      [4, 8],
      [8, 12],
    ]);
    for (let j = 4; j < side; j++) expect(extent[2 * j]).toBe(extent[2 * j + 1]);
  });
});

test('combine is 2 (Cᵀ X − Y), from the middle of a region', () => {
  const columns = 12;
  const [c, x, y, out] = [filled(256), filled(17 * columns), filled(18 * columns), filled(16 * columns)];
  kernels.combine(c, x, columns, y, 2 * columns, out, columns);
  for (let i = 0; i < 16; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let b = 0; b < 16; b++) sum += c.values[b * 16 + i] * x.values[(b + 1) * columns + j];
      expect(out.values[i * columns + j]).toBe(2 * (sum - y.values[(i + 2) * columns + j]));
    }
  }
});

test.each([
  [2, 2],
  [16, 36],
  [36, 16],
])('transpose of %i × %i', (rows, columns) => {
  const [a, out] = [filled(rows * columns), filled(rows * columns + 3)];
  kernels.transpose(a, out, 2, rows, columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) expect(out.values[2 + j * rows + i]).toBe(a.values[i * columns + j]);
  }
});

test.each([
  [2, 2],
  [16, 36],
])('transpose of %i × %i, to f32 and from it, and copies of it', (rows, columns) => {
  const count = rows * columns;
  const [a, wide] = [filled(count), filled(count + 8)];
  const short = kernels.allocateFloat32(count + 8);
  const place = { pointer: short.byteOffset, isF32: true };
  const flipped = (values: ArrayLike<number>) =>
    Array.from({ length: count }, (_, k) => values[(k % rows) * columns + Math.floor(k / rows)]);
  const rounded = a.values.map(Math.fround);
  kernels.transpose(a, place, 4, rows, columns);
  expect([...short.subarray(4, 4 + count)]).toEqual(flipped(rounded));
  kernels.copy(a, 0, place, 4, count);
  expect([...short.subarray(4, 4 + count)]).toEqual([...rounded]);
  expect([short[3], short[4 + count]]).toEqual([0, 0]);
  kernels.copy(place, 4, wide, 8, count);
  expect([...wide.values.subarray(8)]).toEqual([...rounded]);
  kernels.transpose({ pointer: short.byteOffset + 16, isF32: true }, wide, 2, rows, columns);
  expect([...wide.values.subarray(2, 2 + count)]).toEqual(flipped(rounded));
});

test('scatterScaled is a X + b P with the columns of P in their places', () => {
  const [rows, side, stride] = [3, 8, 12];
  const [x, p, out] = [filled(rows * stride), filled(rows * side), filled(rows * stride)];
  const index = kernels.allocateInt32(5);
  index.set([0, 3, 4, 9, 11]);
  kernels.scatterScaled(x, 0.5, p.values, 3, index, out, { rows, side, stride });
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < stride; j++) {
      const k = index.indexOf(j);
      const added = k < 0 ? 0 : 3 * p.values[i * side + k];
      expect(out.values[i * stride + j]).toBe(0.5 * x.values[i * stride + j] + added);
    }
  }
});

test('gatherColumns takes the columns that are listed, and zeros behind them', () => {
  const [rows, side, stride] = [3, 8, 12];
  const [x, out] = [filled(rows * stride), filled(rows * side)];
  const index = kernels.allocateInt32(5);
  index.set([0, 3, 4, 9, 11]);
  kernels.gatherColumns(x, index, out, { rows, side, stride });
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < side; k++) {
      expect(out.values[i * side + k]).toBe(k < 5 ? x.values[i * stride + index[k]] : 0);
    }
  }
});

test.each([4, 8, 1000])('dot of %i values', (count) => {
  const [x, y] = [filled(count + 4), filled(count + 8)];
  let [sum, size] = [0, 0];
  for (let k = 0; k < count; k++) {
    sum += x.values[4 + k] * y.values[8 + k];
    size += Math.abs(x.values[4 + k] * y.values[8 + k]);
  }
  expect(Math.abs(kernels.dot(x, 4, y, 8, count) - sum)).toBeLessThanOrEqual(1e-14 * size);
});

test.each(['ones', 'bytes', 'real numbers'])('rows of a sparse matrix of %s: products and sums', (kind) => {
  const [rows, columns] = [9, 13];
  const entry =
    { ones: () => 1, bytes: () => 1 + rng.below(255), 'real numbers': () => rng.normal() }[kind] ?? rng.normal;
  // rows of every length from 0 on
  const dense = Array.from({ length: rows }, (_, r) =>
    Array.from({ length: columns }, (_, j) => (j < r + (r > 6 ? 4 : 0) ? entry() : 0)),
  );
  const flat = dense.flatMap((row) => row.flatMap((v, j) => (v === 0 ? [] : [[j, v]])));
  const start = kernels.allocateInt32(rows + 1);
  dense.forEach((row, r) => {
    start[r + 1] = start[r] + row.filter((v) => v !== 0).length;
  });
  const column = kernels.allocateInt32(flat.length);
  const bytes = kernels.allocateUint8(flat.length);
  const real = kernels.allocate(flat.length).values;
  flat.forEach(([j, v], k) => {
    column[k] = 8 * j;
    bytes[k] = v;
    real[k] = v;
  });
  const matrix = { start, column, values: kind === 'ones' ? undefined : kind === 'bytes' ? bytes : real };
  const x = filled(columns + 1);
  const repeated = kernels.allocateInt32(4);
  repeated.set([8, 0, 5, 5]);
  for (const which of [undefined, repeated]) {
    const list = which ?? dense.map((_, r) => r);
    const numbers = filled(rows);
    kernels.multiplyRows(matrix, which, list.length, x, 1, 0.5, 3, numbers);
    list.forEach((s, r) => {
      const sum = dense[s].reduce((total, v, j) => total + v * x.values[j + 1], 0);
      expect(numbers.values[r]).toBeCloseTo(3 + 0.5 * sum, 10);
    });
    const out = filled(columns + 1);
    const before = out.values.slice();
    kernels.addRows(matrix, which, list.length, numbers, 0.25, out, 1);
    before.forEach((v, j) => {
      let sum = v;
      list.forEach((s, r) => {
        if (j > 0) sum += 0.25 * numbers.values[r] * dense[s][j - 1];
      });
      expect(Math.abs(out.values[j] - sum)).toBeLessThan(1e-12 * (1 + 255 ** 2));
    });
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
  expect(() => new Kernels().allocate(2 ** 29)).toThrow(/where a thread has 4 GiB/);
});

test('vectors that need not lie there do while there is room, and their place is known whatever the memory is named since', () => {
  const own = new Kernels();
  const [first, second] = [own.allocateIfRoom(8), own.allocateIfRoom(1 << 20)];
  const third = own.allocateIfRoom(8);
  const short = own.allocateIfRoom(8, 'f32');
  expect(short).toEqual(new Float32Array(8));
  expect([first, second, third, short].map((vector) => own.placeOf(vector))).toEqual([
    { pointer: first.byteOffset, isF32: false },
    { pointer: second.byteOffset, isF32: false },
    { pointer: third.byteOffset, isF32: false },
    { pointer: short.byteOffset, isF32: true },
  ]);
  expect(own.placeOf(new Float64Array(8))).toBeUndefined();
  expect(new Kernels().placeOf(first)).toBeUndefined();
  const far = own.allocateIfRoom(2 ** 27);
  expect([far.length, own.placeOf(far)]).toEqual([2 ** 27, undefined]);
  const farther = own.allocateIfRoom(2 ** 27, 'f32');
  expect([farther.BYTES_PER_ELEMENT, own.placeOf(farther)]).toEqual([4, undefined]);
});

describe('scores of rows', () => {
  const [rows, columns, block] = [11, 13, 7];
  const dense = Array.from({ length: rows * columns }, () => (rng.uniform() < 0.4 ? 1 + rng.below(255) : 0));
  const sparse = (kind: 'ones' | 'bytes' | 'numbers') => {
    const start = kernels.allocateInt32(rows + 1);
    const entries: number[] = [];
    for (let r = 0; r < rows; r++) {
      for (let j = 0; j < columns; j++) if (dense[r * columns + j] > 0) entries.push(r * columns + j);
      start[r + 1] = entries.length;
    }
    const column = kernels.allocateInt32(entries.length);
    column.set(entries.map((k) => 8 * (k % columns)));
    const values = kind === 'bytes' ? kernels.allocateUint8(entries.length) : kernels.allocate(entries.length).values;
    values.set(entries.map((k) => dense[k]));
    return { start, column, values: kind === 'ones' ? undefined : values };
  };
  const whole = (values: Uint8Array | Float32Array | Float64Array) => {
    values.set(dense);
    return { columns, values };
  };
  const matrices = {
    ones: () => sparse('ones'),
    bytes: () => sparse('bytes'),
    numbers: () => sparse('numbers'),
    'dense bytes': () => whole(kernels.allocateUint8(rows * columns)),
    'dense f32': () => whole(kernels.allocateFloat32(rows * columns)),
    'dense f64': () => whole(kernels.allocate(rows * columns).values),
  };

  test.each(Object.keys(matrices) as (keyof typeof matrices)[])('%s, of any number of classes', (kind) => {
    const matrix = matrices[kind]();
    const entry = (r: number, j: number) => {
      const v = dense[r * columns + j];
      return kind === 'ones' ? Math.min(v, 1) : v;
    };
    for (const width of [2, 4, 6, 8, 10, 12, 14, 24, 34]) {
      const [x, shift, scores, out] = [columns * width, width, block * width, columns * width].map(filled);
      const before = out.values.slice();
      const listed = kernels.allocateInt32(block + 1);
      listed.set([0, 10, 3, 3, 0, 7, 2, 9]);
      for (const [which, from, count] of [
        [undefined, 2, block],
        [undefined, 3, 6],
        [listed, 1, block],
        [listed, 0, 1],
      ] as const) {
        const row = (r: number) => which?.[from + r] ?? from + r;
        kernels.scoreRows(matrix, which, from, count, x, width, 0.5, shift, scores);
        for (let r = 0; r < count; r++) {
          for (let c = 0; c < width; c++) {
            let sum = shift.values[c];
            for (let j = 0; j < columns; j++) sum += 0.5 * entry(row(r), j) * x.values[j * width + c];
            expect(Math.abs(scores.values[r * width + c] - sum)).toBeLessThan(1e-10);
          }
        }
        out.values.set(before);
        kernels.addOuterRows(matrix, which, from, count, scores, width, 0.5, out);
        for (let j = 0; j < columns; j++) {
          for (let c = 0; c < width; c++) {
            let sum = before[j * width + c];
            let size = 1;
            for (let r = 0; r < count; r++) {
              sum += 0.5 * entry(row(r), j) * scores.values[r * width + c];
              size += Math.abs(0.5 * entry(row(r), j) * scores.values[r * width + c]);
            }
            expect(Math.abs(out.values[j * width + c] - sum)).toBeLessThan(1e-13 * size);
          }
        }
      }
    }
  });
});

test('squaredMisses has the bits of Math.exp, wherever its steps differ', () => {
  const view = new DataView(new ArrayBuffer(8));
  const double = (high: number, low: number) => {
    view.setUint32(0, high);
    view.setUint32(4, low);
    return view.getFloat64(0);
  };
  const edges = [
    ...[
      0,
      1,
      2 ** -28,
      2 ** -29,
      707,
      707.5,
      708.5,
      709.7,
      746,
      Number.POSITIVE_INFINITY,
      Math.LN2 / 2,
      1.5 * Math.LN2,
    ],
    // where fdlibm takes another way, by high words
    ...[double(0x3fd62e42, 0xffffffff), double(0x3fd62e43, 0), double(0x3ff0a2b1, 0xffffffff), double(0x3ff0a2b2, 0)],
  ];
  const values = [...edges, ...edges.map((t) => -t)];
  for (const scale of [1e-8, 0.1, 1, 10, 300]) for (let k = 0; k < 2000; k++) values.push(scale * rng.normal());
  for (const count of [values.length, values.length - 1, 1]) {
    const margins = kernels.allocate(count).values;
    margins.set(values.slice(0, count));
    let sum = 0;
    const signs = kernels.allocate(count).values;
    for (let r = 0; r < count; r++) signs[r] = r % 3 === 0 ? -1 : 1;
    const expected = values.slice(0, count).map((p, r) => {
      const miss = 1 / (1 + Math.exp(signs[r] * p));
      sum += miss * miss;
      return 0.3 * -2 * miss * miss * (1 - miss) * signs[r];
    });
    expect(kernels.squaredMisses(margins, signs, 0.3)).toBe(sum);
    expect(Array.from(margins)).toEqual(expected);
  }
  const behind = kernels.allocate(4).values.fill(7);
  kernels.squaredMisses(behind.subarray(0, 3), kernels.allocate(3).values, 0.3);
  expect(behind[3]).toBe(7);
});
