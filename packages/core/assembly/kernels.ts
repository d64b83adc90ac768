// AssemblyScript: compiled to WebAssembly SIMD by build.js, called through src/kernels/kernels.ts. Pointers are byte
// addresses of f64 values, 16-byte aligned.
// Long: kernels of one module, which share inlined helpers and are instantiated once.

import { putFour, putTwo, two } from './vectors';

export { combineF32, combineF64 } from './vectors';

/** Copies `count` f64 values to where they do not overlap. */
export function copy(from: usize, to: usize, count: usize): void {
  memory.copy(to, from, count << 3);
}

/** [x₀ + x₁, y₀ + y₁] */
// @ts-ignore: decorator of AssemblyScript
@inline
function sums(x: v128, y: v128): v128 {
  return f64x2.add(v128.shuffle<f64>(x, y, 0, 2), v128.shuffle<f64>(x, y, 1, 3));
}

/** Rows of A packed at a time, and rows of B that stay in the first-level cache while they are used. */
const PANEL: usize = 32;
const BLOCK: usize = 4;

/**
 * out (rows × columns) ← A (rows × inner) · Bᵀ, B (columns × inner), all row-major; rows a multiple of 4, columns and
 * inner of 2. `packed` is scratch for PANEL · inner values.
 *
 * A tile of 4 rows of A and 2 rows of B is summed in 8 registers, 2 partial sums each: with the loads that fills the 15
 * vector registers there are, and a larger tile spills (measured: 4×4 a quarter slower, 8×1 a third). Each output is a sum
 * in an order that depends on `inner` alone. With `upper` tiles below the diagonal are left out.
 */
// @ts-ignore: decorator of AssemblyScript
@inline
function multiplyTiles(
  a: usize,
  b: usize,
  out: usize,
  rows: usize,
  columns: usize,
  inner: usize,
  packed: usize,
  upper: bool,
): void {
  const row = inner << 3;
  const outRow = columns << 3;
  for (let i0: usize = 0; i0 < rows; i0 += PANEL) {
    const i1 = min(i0 + PANEL, rows);
    // four rows of A interleaved: 64 bytes a step
    for (let i = i0, to = packed; i < i1; i += 4) {
      for (let from = a + i * row, end = from + row; from < end; from += 16, to += 64) {
        v128.store(to, v128.load(from));
        v128.store(to, v128.load(from + row), 16);
        v128.store(to, v128.load(from + row * 2), 32);
        v128.store(to, v128.load(from + row * 3), 48);
      }
    }
    for (let j0: usize = 0; j0 < columns; j0 += BLOCK) {
      const j1 = min(j0 + BLOCK, columns);
      for (let i = i0; i < i1; i += 4) {
        for (let j = upper ? max(j0, i) : j0; j < j1; j += 2) {
          const zero = f64x2.splat(0);
          let a0 = zero, a1 = zero, a2 = zero, a3 = zero;
          let c0 = zero, c1 = zero, c2 = zero, c3 = zero;
          let bp = b + j * row;
          let ap = packed + (i - i0) * row;
          for (const end = ap + (row << 2); ap < end; ap += 64, bp += 16) {
            const x = v128.load(bp);
            const y = v128.load(bp + row);
            let t = v128.load(ap);
            a0 = f64x2.add(a0, f64x2.mul(t, x));
            c0 = f64x2.add(c0, f64x2.mul(t, y));
            t = v128.load(ap, 16);
            a1 = f64x2.add(a1, f64x2.mul(t, x));
            c1 = f64x2.add(c1, f64x2.mul(t, y));
            t = v128.load(ap, 32);
            a2 = f64x2.add(a2, f64x2.mul(t, x));
            c2 = f64x2.add(c2, f64x2.mul(t, y));
            t = v128.load(ap, 48);
            a3 = f64x2.add(a3, f64x2.mul(t, x));
            c3 = f64x2.add(c3, f64x2.mul(t, y));
          }
          const o = out + i * outRow + (j << 3);
          v128.store(o, sums(a0, c0));
          v128.store(o + outRow, sums(a1, c1));
          v128.store(o + outRow * 2, sums(a2, c2));
          v128.store(o + outRow * 3, sums(a3, c3));
        }
      }
    }
  }
}

export function multiplyTransposed(
  a: usize,
  b: usize,
  out: usize,
  rows: usize,
  columns: usize,
  inner: usize,
  packed: usize,
): void {
  multiplyTiles(a, b, out, rows, columns, inner, packed, false);
}

/** out (rows × rows) ← A Aᵀ, with the same bits as `multiplyTransposed`: each product of two rows is summed once. */
export function gram(a: usize, out: usize, rows: usize, inner: usize, packed: usize): void {
  multiplyTiles(a, a, out, rows, rows, inner, packed, true);
  for (let i: usize = 1; i < rows; i++) {
    for (let j: usize = 0; j < i; j++) store<f64>(out + ((i * rows + j) << 3), load<f64>(out + ((j * rows + i) << 3)));
  }
}

/** Two neighbouring entries of a matrix of T, as f64. */
// @ts-ignore: decorator of AssemblyScript
@inline
function pair<T>(at: usize): v128 {
  return sizeof<T>() === 4 ? f64x2.convert_low_i32x4_s(v128.load64_zero(at)) : v128.load(at);
}

/**
 * out (rows × side, f64) ← A (rows × side, f64) · M, M (side × side) of T; rows and side multiples of 4. `packed` is scratch
 * for rows · side values, `strip` for 4 · side.
 *
 * Four columns of M, which is symmetric, are converted at a time, as far as one of them has non-zeros, and stay in the first-level
 * cache for all rows of A; a tile of 4 × 4 is summed in 8 registers. Each output is summed from the first row of M to the last.
 */
// @ts-ignore: decorator of AssemblyScript
@inline
function multiplyMatrix<T>(
  a: usize,
  m: usize,
  extent: usize,
  out: usize,
  rows: usize,
  side: usize,
  packed: usize,
  strip: usize,
): void {
  const row = side << 3;
  const matrixRow = side * sizeof<T>();
  for (let i: usize = 0, to = packed; i < rows; i += 4) {
    for (let from = a + i * row, end = from + row; from < end; from += 8, to += 32) {
      store<f64>(to, load<f64>(from));
      store<f64>(to, load<f64>(from + row), 8);
      store<f64>(to, load<f64>(from + row * 2), 16);
      store<f64>(to, load<f64>(from + row * 3), 24);
    }
  }
  for (let j: usize = 0; j < side; j += 4) {
    const e = extent + (j << 2);
    const first = <usize>min(min(load<u16>(e), load<u16>(e, 4)), min(load<u16>(e, 8), load<u16>(e, 12)));
    const last = <usize>max(max(load<u16>(e, 2), load<u16>(e, 6)), max(load<u16>(e, 10), load<u16>(e, 14)));
    let from = m + first * matrixRow + j * sizeof<T>();
    for (let to = strip + (first << 5), end = strip + (last << 5); to < end; to += 32, from += matrixRow) {
      v128.store(to, pair<T>(from));
      v128.store(to, pair<T>(from + 2 * sizeof<T>()), 16);
    }
    for (let i: usize = 0; i < rows; i += 4) {
      const zero = f64x2.splat(0);
      let a0 = zero, a1 = zero, a2 = zero, a3 = zero;
      let c0 = zero, c1 = zero, c2 = zero, c3 = zero;
      const interleaved = packed + i * row;
      let ap = interleaved + (first << 5);
      let mp = strip + (first << 5);
      for (const end = interleaved + (last << 5); ap < end; ap += 32, mp += 32) {
        const x = v128.load(mp);
        const y = v128.load(mp, 16);
        let t = v128.load64_splat(ap);
        a0 = f64x2.add(a0, f64x2.mul(t, x));
        c0 = f64x2.add(c0, f64x2.mul(t, y));
        t = v128.load64_splat(ap, 8);
        a1 = f64x2.add(a1, f64x2.mul(t, x));
        c1 = f64x2.add(c1, f64x2.mul(t, y));
        t = v128.load64_splat(ap, 16);
        a2 = f64x2.add(a2, f64x2.mul(t, x));
        c2 = f64x2.add(c2, f64x2.mul(t, y));
        t = v128.load64_splat(ap, 24);
        a3 = f64x2.add(a3, f64x2.mul(t, x));
        c3 = f64x2.add(c3, f64x2.mul(t, y));
      }
      let o = out + i * row + (j << 3);
      v128.store(o, a0);
      v128.store(o, c0, 16);
      o += row;
      v128.store(o, a1);
      v128.store(o, c1, 16);
      o += row;
      v128.store(o, a2);
      v128.store(o, c2, 16);
      o += row;
      v128.store(o, a3);
      v128.store(o, c3, 16);
    }
  }
}

export function multiplyI32(
  a: usize,
  m: usize,
  extent: usize,
  out: usize,
  rows: usize,
  side: usize,
  packed: usize,
  strip: usize,
): void {
  multiplyMatrix<i32>(a, m, extent, out, rows, side, packed, strip);
}

export function multiplyF64(
  a: usize,
  m: usize,
  extent: usize,
  out: usize,
  rows: usize,
  side: usize,
  packed: usize,
  strip: usize,
): void {
  multiplyMatrix<f64>(a, m, extent, out, rows, side, packed, strip);
}

/** Two neighbouring sums: to ← to + v · x. */
// @ts-ignore: decorator of AssemblyScript
@inline
function add(to: usize, v: v128, x: v128): void {
  v128.store(to, f64x2.add(v128.load(to), f64x2.mul(v, x)));
}

/** out ← out + v · x, over the entries of a row of M (of T) in [from, end), whose number is a multiple of 4. */
// @ts-ignore: decorator of AssemblyScript
@inline
function addRow<T>(from: usize, end: usize, v: v128, out: usize): void {
  for (; from < end; from += 4 * sizeof<T>(), out += 32) {
    add(out, v, pair<T>(from));
    add(out + 16, v, pair<T>(from + 2 * sizeof<T>()));
  }
}

/** The same for two rows of out at once: eight entries a step, and four where there are no more. */
// @ts-ignore: decorator of AssemblyScript
@inline
function addRowTwice<T>(from: usize, end: usize, v: v128, out: usize, w: v128, next: usize): void {
  for (const last = end - 7 * sizeof<T>(); from < last; from += 8 * sizeof<T>(), out += 64, next += 64) {
    const a = pair<T>(from);
    const b = pair<T>(from + 2 * sizeof<T>());
    const c = pair<T>(from + 4 * sizeof<T>());
    const d = pair<T>(from + 6 * sizeof<T>());
    add(out, v, a);
    add(out + 16, v, b);
    add(out + 32, v, c);
    add(out + 48, v, d);
    add(next, w, a);
    add(next + 16, w, b);
    add(next + 32, w, c);
    add(next + 48, w, d);
  }
  if (from === end) return;
  const a = pair<T>(from);
  const b = pair<T>(from + 2 * sizeof<T>());
  add(out, v, a);
  add(out + 16, v, b);
  add(next, w, a);
  add(next + 16, w, b);
}

/** The same for three. */
// @ts-ignore: decorator of AssemblyScript
@inline
function addRowThrice<T>(
  from: usize,
  end: usize,
  v: v128,
  out: usize,
  w: v128,
  next: usize,
  u: v128,
  third: usize,
): void {
  for (; from < end; from += 4 * sizeof<T>(), out += 32, next += 32, third += 32) {
    const a = pair<T>(from);
    const b = pair<T>(from + 2 * sizeof<T>());
    add(out, v, a);
    add(out + 16, v, b);
    add(next, w, a);
    add(next + 16, w, b);
    add(third, u, a);
    add(third + 16, u, b);
  }
}

/** Bytes of a matrix that are brought at a time. */
const BROUGHT: usize = 1 << 17;
const PAGE: usize = 1 << 12;
/** Keeps the loads of `bring`. */
let brought: i64 = 0;

/**
 * Brings memory from farther away into the second-level cache. Loads of four pages at a time wait together, where the loop that
 * needs the values has too many instructions between two lines for a core to look ahead.
 */
// @ts-ignore: decorator of AssemblyScript
@inline
function bring(from: usize, end: usize): void {
  let a: i64 = 0, b: i64 = 0, c: i64 = 0, d: i64 = 0;
  for (; from + 4 * PAGE <= end; from += 4 * PAGE) {
    for (let at = from, next = from + PAGE; at < next; at += 64) {
      a ^= load<i64>(at);
      b ^= load<i64>(at, 4096);
      c ^= load<i64>(at, 8192);
      d ^= load<i64>(at, 12288);
    }
  }
  for (; from < end; from += 64) a ^= load<i64>(from);
  brought ^= a ^ b ^ c ^ d;
}

/**
 * out (rows × side, f64) ← out + A · M, A (rows × side) sparse in CSC form: column j has value[k] in row[k], k from start[j] to
 * start[j + 1], no row twice; M (side × side) of T; side a multiple of 4. `extent` has two numbers of 16 bits for each row of
 * M: its non-zeros lie in columns from the first to before the second, multiples of 4. M is read once, from its first row to its
 * last, and only the rows that meet a non-zero: its size is what this costs.
 */
// @ts-ignore: decorator of AssemblyScript
@inline
function addSparseProduct<T>(
  start: usize,
  row: usize,
  value: usize,
  m: usize,
  extent: usize,
  out: usize,
  rows: usize,
  side: usize,
): void {
  const outRow = side << 3;
  const matrixRow = side * sizeof<T>();
  const block = BROUGHT / matrixRow + 1;
  bring(out, out + rows * outRow);
  for (let j: usize = 0; j < side; j++, m += matrixRow) {
    if (j % block === 0) bring(m, m + min(block, side - j) * matrixRow);
    let k = <usize>load<i32>(start + (j << 2));
    const last = <usize>load<i32>(start + (j << 2), 4);
    if (k === last) continue;
    const first = <usize>load<u16>(extent + (j << 2));
    const from = m + first * sizeof<T>();
    const end = m + <usize>load<u16>(extent + (j << 2), 2) * sizeof<T>();
    const to = out + (first << 3);
    while (last - k > 1) {
      const r = row + (k << 2);
      const v = value + (k << 3);
      const x = v128.load64_splat(v);
      const y = v128.load64_splat(v, 8);
      const one = to + <usize>load<i32>(r) * outRow;
      const two = to + <usize>load<i32>(r, 4) * outRow;
      // four are two and two
      if (last - k === 3 || last - k > 4) {
        addRowThrice<T>(from, end, x, one, y, two, v128.load64_splat(v, 16), to + <usize>load<i32>(r, 8) * outRow);
        k += 3;
      } else {
        addRowTwice<T>(from, end, x, one, y, two);
        k += 2;
      }
    }
    if (k < last) {
      addRow<T>(from, end, v128.load64_splat(value + (k << 3)), to + <usize>load<i32>(row + (k << 2)) * outRow);
    }
  }
}

export function addSparseProductI32(
  start: usize,
  row: usize,
  value: usize,
  m: usize,
  extent: usize,
  out: usize,
  rows: usize,
  side: usize,
): void {
  addSparseProduct<i32>(start, row, value, m, extent, out, rows, side);
}

export function addSparseProductF64(
  start: usize,
  row: usize,
  value: usize,
  m: usize,
  extent: usize,
  out: usize,
  rows: usize,
  side: usize,
): void {
  addSparseProduct<f64>(start, row, value, m, extent, out, rows, side);
}

/** For each row of M (side × side, of T), side a multiple of 4, between which columns its non-zeros lie, as `addSparseProduct` reads it. */
// @ts-ignore: decorator of AssemblyScript
@inline
function extents<T>(m: usize, side: usize, extent: usize): void {
  const matrixRow = side * sizeof<T>();
  for (let j: usize = 0; j < side; j++, m += matrixRow) {
    let first: usize = 0;
    let last = side;
    while (first < last && !load<T>(m + first * sizeof<T>())) first++;
    while (last > first && !load<T>(m + (last - 1) * sizeof<T>())) last--;
    store<u16>(extent + (j << 2), <u16>(first & ~3));
    store<u16>(extent + (j << 2), <u16>((last + 3) & ~3), 2);
  }
}

export function extentsI32(m: usize, side: usize, extent: usize): void {
  extents<i32>(m, side, extent);
}

export function extentsF64(m: usize, side: usize, extent: usize): void {
  extents<f64>(m, side, extent);
}

/** Rows and columns of the small factor of `combine`. */
const SMALL: usize = 16;

/**
 * out (16 × columns) ← 2 (Cᵀ X − Y), C (16 × 16), X and Y (16 × columns), all f64 and row-major; columns a multiple of 4.
 */
export function combine(c: usize, x: usize, y: usize, out: usize, columns: usize): void {
  const row = columns << 3;
  const two = f64x2.splat(2);
  for (let j: usize = 0; j < row; j += 32) {
    for (let i: usize = 0; i < SMALL; i += 4) {
      const zero = f64x2.splat(0);
      let a0 = zero, a1 = zero, a2 = zero, a3 = zero;
      let c0 = zero, c1 = zero, c2 = zero, c3 = zero;
      let xp = x + j;
      let cp = c + (i << 3);
      for (const end = xp + SMALL * row; xp < end; xp += row, cp += SMALL << 3) {
        const u = v128.load(xp);
        const v = v128.load(xp, 16);
        let t = v128.load64_splat(cp);
        a0 = f64x2.add(a0, f64x2.mul(t, u));
        c0 = f64x2.add(c0, f64x2.mul(t, v));
        t = v128.load64_splat(cp, 8);
        a1 = f64x2.add(a1, f64x2.mul(t, u));
        c1 = f64x2.add(c1, f64x2.mul(t, v));
        t = v128.load64_splat(cp, 16);
        a2 = f64x2.add(a2, f64x2.mul(t, u));
        c2 = f64x2.add(c2, f64x2.mul(t, v));
        t = v128.load64_splat(cp, 24);
        a3 = f64x2.add(a3, f64x2.mul(t, u));
        c3 = f64x2.add(c3, f64x2.mul(t, v));
      }
      let o = out + i * row + j;
      let yp = y + i * row + j;
      v128.store(o, f64x2.mul(two, f64x2.sub(a0, v128.load(yp))));
      v128.store(o, f64x2.mul(two, f64x2.sub(c0, v128.load(yp, 16))), 16);
      o += row;
      yp += row;
      v128.store(o, f64x2.mul(two, f64x2.sub(a1, v128.load(yp))));
      v128.store(o, f64x2.mul(two, f64x2.sub(c1, v128.load(yp, 16))), 16);
      o += row;
      yp += row;
      v128.store(o, f64x2.mul(two, f64x2.sub(a2, v128.load(yp))));
      v128.store(o, f64x2.mul(two, f64x2.sub(c2, v128.load(yp, 16))), 16);
      o += row;
      yp += row;
      v128.store(o, f64x2.mul(two, f64x2.sub(a3, v128.load(yp))));
      v128.store(o, f64x2.mul(two, f64x2.sub(c3, v128.load(yp, 16))), 16);
    }
  }
}

/** out (columns × rows, of T) ← the transpose of A (rows × columns, of F); both multiples of 2. */
// @ts-ignore: decorator of AssemblyScript
@inline
function transposed<F, T>(a: usize, out: usize, rows: usize, columns: usize): void {
  const row = columns * sizeof<F>();
  const outRow = rows * sizeof<T>();
  for (let i: usize = 0; i < rows; i += 2) {
    let from = a + i * row;
    let to = out + i * sizeof<T>();
    for (const end = from + row; from < end; from += 2 * sizeof<F>(), to += outRow << 1) {
      const x = two<F>(from);
      const y = two<F>(from + row);
      putTwo<T>(to, v128.shuffle<f64>(x, y, 0, 2));
      putTwo<T>(to + outRow, v128.shuffle<f64>(x, y, 1, 3));
    }
  }
}

export function transpose(a: usize, out: usize, rows: usize, columns: usize): void {
  transposed<f64, f64>(a, out, rows, columns);
}

export function transposeFromF32(a: usize, out: usize, rows: usize, columns: usize): void {
  transposed<f32, f64>(a, out, rows, columns);
}

export function transposeToF32(a: usize, out: usize, rows: usize, columns: usize): void {
  transposed<f64, f32>(a, out, rows, columns);
}

/** Copies `count` f32 values to f64, or f64 values to f32, each rounded once; a multiple of 4. */
export function copyFromF32(from: usize, to: usize, count: usize): void {
  for (const end = from + (count << 2); from < end; from += 16, to += 32) {
    putFour<f64>(to, two<f32>(from), two<f32>(from + 8));
  }
}

export function copyToF32(from: usize, to: usize, count: usize): void {
  for (const end = from + (count << 3); from < end; from += 32, to += 16) {
    putFour<f32>(to, v128.load(from), v128.load(from, 16));
  }
}

/** out (rows × side) ← column index[k] of X (rows × stride) at column k < count, f64; zeros from there on. */
export function gatherColumns(
  x: usize,
  index: usize,
  count: usize,
  out: usize,
  rows: usize,
  side: usize,
  stride: usize,
): void {
  for (let i: usize = 0; i < rows; i++, x += stride << 3, out += side << 3) {
    for (let k: usize = 0; k < count; k++) {
      store<f64>(out + (k << 3), load<f64>(x + (<usize>load<i32>(index + (k << 2)) << 3)));
    }
    for (let k = count; k < side; k++) store<f64>(out + (k << 3), 0);
  }
}

/**
 * out (rows × stride) ← a · X + b · P, X (rows × stride) and P (rows × side), f64: column k of P goes to column index[k] of
 * out, k < count; the other columns of out get a · X alone. Stride is a multiple of 2.
 */
export function scatterScaled(
  x: usize,
  a: f64,
  p: usize,
  b: f64,
  index: usize,
  count: usize,
  out: usize,
  rows: usize,
  side: usize,
  stride: usize,
): void {
  const factor = f64x2.splat(a);
  for (let at: usize = 0, end = (rows * stride) << 3; at < end; at += 16) {
    v128.store(out + at, f64x2.mul(factor, v128.load(x + at)));
  }
  for (let i: usize = 0; i < rows; i++) {
    const to = out + ((i * stride) << 3);
    const from = p + ((i * side) << 3);
    for (let k: usize = 0; k < count; k++) {
      const o = to + (<usize>load<i32>(index + (k << 2)) << 3);
      store<f64>(o, load<f64>(o) + b * load<f64>(from + (k << 3)));
    }
  }
}

/** Σ x_k y_k over `count` f64 values, a multiple of 4, in 4 partial sums. */
export function dot(x: usize, y: usize, count: usize): f64 {
  let s = f64x2.splat(0);
  let t = s;
  for (const end = x + (count << 3); x < end; x += 32, y += 32) {
    s = f64x2.add(s, f64x2.mul(v128.load(x), v128.load(y)));
    t = f64x2.add(t, f64x2.mul(v128.load(x, 16), v128.load(y, 16)));
  }
  s = f64x2.add(s, t);
  return f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1);
}

/** e^x of the engine, for what the steps below do not cover. */
// @ts-ignore: decorator of AssemblyScript
@external('env', 'exp')
declare function exp(x: f64): f64;

/** Up to here e^x and e^{−x} are normal numbers. */
const PLAIN: f64 = 707;

/**
 * e^x of both lanes, |x| ≤ PLAIN, by the steps of fdlibm's e_exp.c, which V8's Math.exp takes: the same bits.
 * x = k ln 2 + r, |r| ≤ ½ ln 2; with c = r − r²(P1 + r²(P2 + …)), e^r = 1 − ((lo − r c/(2 − c)) − hi), r = hi − lo.
 */
// @ts-ignore: decorator of AssemblyScript
@inline
function exps(x: v128): v128 {
  const one = f64x2.splat(1);
  const size = f64x2.abs(x);
  // fdlibm compares the high words of both: these are the least doubles with the next one
  const isReduced = f64x2.ge(size, f64x2.splat(reinterpret<f64>(0x3fd62e4300000000)));
  const half = v128.or(v128.and(x, f64x2.splat(-0.0)), f64x2.splat(0.5));
  const near = v128.or(v128.and(x, f64x2.splat(-0.0)), one);
  const isNear = f64x2.lt(size, f64x2.splat(reinterpret<f64>(0x3ff0a2b200000000)));
  const far = f64x2.trunc(f64x2.add(f64x2.mul(f64x2.splat(1.44269504088896338700e0), x), half));
  const k = v128.and(v128.bitselect(near, far, isNear), isReduced);
  const hi = f64x2.sub(x, f64x2.mul(k, f64x2.splat(6.93147180369123816490e-1)));
  const lo = f64x2.mul(k, f64x2.splat(1.90821492927058770002e-10));
  const r = f64x2.sub(hi, lo);
  const t = f64x2.mul(r, r);
  let p = f64x2.add(f64x2.splat(-1.65339022054652515390e-6), f64x2.mul(t, f64x2.splat(4.13813679705723846039e-8)));
  p = f64x2.add(f64x2.splat(6.61375632143793436117e-5), f64x2.mul(t, p));
  p = f64x2.add(f64x2.splat(-2.77777777770155933842e-3), f64x2.mul(t, p));
  p = f64x2.add(f64x2.splat(1.66666666666666019037e-1), f64x2.mul(t, p));
  const c = f64x2.sub(r, f64x2.mul(t, p));
  const quotient = f64x2.div(f64x2.mul(r, c), f64x2.sub(f64x2.splat(2), c));
  const y = f64x2.sub(one, f64x2.sub(f64x2.sub(lo, quotient), hi));
  // 2^k: k + 1023, the lowest bits of that and 1.5 · 2⁵², in the exponent
  const scaled = f64x2.mul(y, i64x2.shl(f64x2.add(k, f64x2.splat(6755399441056767)), 52));
  const isTiny = f64x2.lt(size, f64x2.splat(3.725290298461914e-9));
  const plain = v128.bitselect(f64x2.add(one, x), scaled, isTiny);
  // the one value that V8 has set right
  return v128.bitselect(f64x2.splat(2.718281828459045), plain, f64x2.eq(x, one));
}

/** p_r ← −2 factor y_r s²(1 − s), s = 1/(1 + e^{y_r p_r}), of `count` products; y_r = ±1. Returns Σ s². */
export function squaredMisses(margins: usize, signs: usize, count: usize, factor: f64): f64 {
  const one = f64x2.splat(1);
  const twice = f64x2.splat(factor * -2);
  let sum: f64 = 0;
  for (let r: usize = 0; r < count; r += 2, margins += 16, signs += 16) {
    // behind an odd count there is one more place
    const isLast = r + 1 === count;
    const y = v128.load(signs);
    let t = f64x2.mul(v128.load(margins), y);
    if (isLast) t = f64x2.replace_lane(t, 1, 0);
    const e = v128.any_true(v128.not(f64x2.le(f64x2.abs(t), f64x2.splat(PLAIN))))
      ? f64x2.replace_lane(f64x2.splat(exp(f64x2.extract_lane(t, 0))), 1, exp(f64x2.extract_lane(t, 1)))
      : exps(t);
    const s = f64x2.div(one, f64x2.add(one, e));
    const square = f64x2.mul(s, s);
    sum += f64x2.extract_lane(square, 0);
    const slope = f64x2.mul(f64x2.mul(f64x2.mul(f64x2.mul(twice, s), s), f64x2.sub(one, s)), y);
    if (isLast) {
      store<f64>(margins, f64x2.extract_lane(slope, 0));
      break;
    }
    sum += f64x2.extract_lane(square, 1);
    v128.store(margins, slope);
  }
  return sum;
}

/** seen[c] becomes non-zero for the column c of each of `count` values that is not zero; columns of u16, values and `seen` of u8. */
export function markColumns(column: usize, value: usize, count: usize, seen: usize): void {
  for (const end = value + count; value < end; value++, column += 2) {
    const at = seen + <usize>load<u16>(column);
    store<u8>(at, load<u8>(at) | load<u8>(value));
  }
}

/** o ← o + a · x + b · y, lane by lane a sum of two products of 16-bit integers. */
// @ts-ignore: decorator of AssemblyScript
@inline
function addPairs(o: usize, a: v128, x: v128, b: v128, y: v128): void {
  const sum = i32x4.add(i32x4.dot_i16x8_s(a, x), i32x4.dot_i16x8_s(b, y));
  v128.store(o, i32x4.add(v128.load(o), sum));
}

/**
 * out (side × side, i32) ← out + Σ_s b_s b_sᵀ on and above the diagonal: row s of `rows` has value[k] of u8 at column[k] of u16, k from
 * start[s] to start[s + 1], and column c is entry place[c] of b_s. Side is a multiple of 4. Exact while no entry reaches 2³¹.
 *
 * Four rows at a time, and of these only the entries, four neighbours at a time, that one of them has: `group` has 32 bytes of 16-bit
 * integers for each such block, the first two rows interleaved and then the other two, and a flag for each: 9 · side bytes that must be
 * zero, and are again in the end. `list` has room for a number of 32 bits for each block.
 */
export function addGram(
  start: usize,
  column: usize,
  value: usize,
  rows: usize,
  place: usize,
  group: usize,
  list: usize,
  out: usize,
  side: usize,
): void {
  const row = side << 2;
  const blocks = side >> 2;
  const flags = group + (side << 3);
  for (let r: usize = 0; r < rows; r += 4) {
    const count = min(rows - r, 4);
    for (let i: usize = 0; i < count; i++) {
      const lane = group + ((i >> 1) << 4) + ((i & 1) << 1);
      let k = <usize>load<i32>(start + ((r + i) << 2));
      for (const end = <usize>load<i32>(start + ((r + i) << 2), 4); k < end; k++) {
        const v = load<u8>(value + k);
        if (v === 0) continue;
        const j = <usize>load<i32>(place + (<usize>load<u16>(column + (k << 1)) << 2));
        store<u16>(lane + ((j >> 2) << 5) + ((j & 3) << 2), v);
        store<u8>(flags + (j >> 2), 1);
      }
    }
    let last = list;
    for (let b: usize = 0; b < blocks; b++) {
      store<u32>(last, <u32>b);
      last += <usize>load<u8>(flags + b) << 2;
      store<u8>(flags + b, 0);
    }
    for (let p = list; p < last; p += 4) {
      const b = <usize>load<u32>(p);
      const own = group + (b << 5);
      const a0 = v128.load32_splat(own), a1 = v128.load32_splat(own, 4);
      const a2 = v128.load32_splat(own, 8), a3 = v128.load32_splat(own, 12);
      const b0 = v128.load32_splat(own, 16), b1 = v128.load32_splat(own, 20);
      const b2 = v128.load32_splat(own, 24), b3 = v128.load32_splat(own, 28);
      const to = out + (b << 2) * row;
      for (let q = p; q < last; q += 4) {
        const c = <usize>load<u32>(q);
        const x = v128.load(group + (c << 5));
        const y = v128.load(group + (c << 5), 16);
        const o = to + (c << 4);
        addPairs(o, a0, x, b0, y);
        addPairs(o + row, a1, x, b1, y);
        addPairs(o + row * 2, a2, x, b2, y);
        addPairs(o + row * 3, a3, x, b3, y);
      }
    }
    for (let p = list; p < last; p += 4) {
      const own = group + (<usize>load<u32>(p) << 5);
      v128.store(own, i32x4.splat(0));
      v128.store(own, i32x4.splat(0), 16);
    }
  }
}

/** Copies what is above the diagonal of a matrix (side × side, i32) below it; side is a multiple of 4. */
export function mirror(m: usize, side: usize): void {
  const row = side << 2;
  for (let i: usize = 0; i < side; i += 4) {
    for (let a = i; a < i + 4; a++) {
      for (let b = i; b < a; b++) store<i32>(m + a * row + (b << 2), load<i32>(m + b * row + (a << 2)));
    }
    for (let j = i + 4; j < side; j += 4) {
      const from = m + i * row + (j << 2);
      const x = v128.load(from), y = v128.load(from + row);
      const z = v128.load(from + row * 2), w = v128.load(from + row * 3);
      const xy = v128.shuffle<i32>(x, y, 0, 4, 1, 5), zw = v128.shuffle<i32>(z, w, 0, 4, 1, 5);
      const next = v128.shuffle<i32>(x, y, 2, 6, 3, 7), last = v128.shuffle<i32>(z, w, 2, 6, 3, 7);
      const to = m + j * row + (i << 2);
      v128.store(to, v128.shuffle<i64>(xy, zw, 0, 2));
      v128.store(to + row, v128.shuffle<i64>(xy, zw, 1, 3));
      v128.store(to + row * 2, v128.shuffle<i64>(next, last, 0, 2));
      v128.store(to + row * 3, v128.shuffle<i64>(next, last, 1, 3));
    }
  }
}

/**
 * Draws values of a ziggurat to out[from … count), f32, from the sfc32 stream at `place`, and returns the index of the first
 * whose point may lie outside, with `place` before its word, or `count`. `inner` and `unit`: the layers' tables, f64.
 */
export function drawNormals(place: usize, inner: usize, unit: usize, out: usize, from: usize, count: usize): usize {
  let a = load<i32>(place);
  let b = load<i32>(place, 4);
  let c = load<i32>(place, 8);
  let counter = load<i32>(place, 12);
  for (; from < count; from++) {
    const word = a + b + counter;
    const layer = (<usize>(word & 0xff)) << 3;
    const position = <f64>(word >> 8) + 0.5;
    if (!(abs(position) < load<f64>(inner + layer))) break;
    store<f32>(out + (from << 2), <f32>(position * load<f64>(unit + layer)));
    counter++;
    a = b ^ (b >>> 9);
    b = c + (c << 3);
    c = ((c << 21) | (c >>> 11)) + word;
  }
  store<i32>(place, a);
  store<i32>(place, b, 4);
  store<i32>(place, c, 8);
  store<i32>(place, counter, 12);
  return from;
}

/** Two neighbouring f32 values as f64. */
// @ts-ignore: decorator of AssemblyScript
@inline
function widened(at: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(at));
}

/** out[r] ← ⟨row r of Ξ, x⟩, Ξ (rows × side) of f32, x and out of f64; each sum in 4 partial sums. */
export function project(xi: usize, rows: usize, side: usize, x: usize, out: usize): void {
  const whole = side & ~3;
  for (const last = out + (rows << 3); out < last; out += 8) {
    let s = f64x2.splat(0);
    let t = s;
    let at = x;
    for (const end = xi + (whole << 2); xi < end; xi += 16, at += 32) {
      s = f64x2.add(s, f64x2.mul(widened(xi), v128.load(at)));
      t = f64x2.add(t, f64x2.mul(widened(xi + 8), v128.load(at, 16)));
    }
    s = f64x2.add(s, t);
    let sum = f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1);
    for (let i = whole; i < side; i++, xi += 4, at += 8) sum += <f64>load<f32>(xi) * load<f64>(at);
    store<f64>(out, sum);
  }
}

/**
 * out ← out + Σ_r factor[r] · row r of Ξ, Ξ (rows × side) of f32, factor and out of f64; rows are added one after another, four
 * in a pass.
 */
export function addCombination(xi: usize, rows: usize, side: usize, factor: usize, out: usize): void {
  const row = side << 2;
  const end = out + (side << 3);
  const whole = out + ((side & ~1) << 3);
  for (; rows >= 4; rows -= 4, factor += 32, xi += row << 2) {
    const f0 = v128.load64_splat(factor);
    const f1 = v128.load64_splat(factor, 8);
    const f2 = v128.load64_splat(factor, 16);
    const f3 = v128.load64_splat(factor, 24);
    let from = xi;
    let to = out;
    for (; to < whole; to += 16, from += 8) {
      let sum = f64x2.add(v128.load(to), f64x2.mul(f0, widened(from)));
      sum = f64x2.add(sum, f64x2.mul(f1, widened(from + row)));
      sum = f64x2.add(sum, f64x2.mul(f2, widened(from + row * 2)));
      v128.store(to, f64x2.add(sum, f64x2.mul(f3, widened(from + row * 3))));
    }
    if (to < end) {
      let sum = load<f64>(to) + load<f64>(factor) * <f64>load<f32>(from);
      sum += load<f64>(factor, 8) * <f64>load<f32>(from + row);
      sum += load<f64>(factor, 16) * <f64>load<f32>(from + row * 2);
      store<f64>(to, sum + load<f64>(factor, 24) * <f64>load<f32>(from + row * 3));
    }
  }
  for (; rows > 0; rows--, factor += 8) {
    const f = load<f64>(factor);
    for (let to = out; to < end; to += 8, xi += 4) store<f64>(to, load<f64>(to) + f * <f64>load<f32>(xi));
  }
}

/** In place of the type of values: every value is one, and none is stored. */
type Ones = f32;

/** Value k of a sparse matrix: f64, 8-bit, or one. */
// @ts-ignore: decorator of AssemblyScript
@inline
function entry<T>(value: usize, k: usize): f64 {
  if (sizeof<T>() === sizeof<Ones>()) return 1;
  return sizeof<T>() === 1 ? <f64>load<u8>(value + k) : load<f64>(value + (k << 3));
}

/**
 * product[r] ← shift + scale · ⟨row which[r], x⟩ for r < count; row s of a sparse matrix has value[k], of T, at the byte offset
 * column[k] in x, k from start[s] to start[s + 1]. No `which`: all rows. Summed in 4 partial sums.
 */
// @ts-ignore: decorator of AssemblyScript
@inline
function multiplyRows<T>(
  start: usize,
  column: usize,
  value: usize,
  which: usize,
  count: usize,
  x: usize,
  scale: f64,
  shift: f64,
  product: usize,
): void {
  for (let r: usize = 0; r < count; r++) {
    const s = which === 0 ? r : <usize>load<i32>(which + (r << 2));
    let k = <usize>load<i32>(start + (s << 2));
    const end = <usize>load<i32>(start + (s << 2), 4);
    let a: f64 = 0, b: f64 = 0, c: f64 = 0, d: f64 = 0;
    for (; k + 4 <= end; k += 4) {
      const at = column + (k << 2);
      a += entry<T>(value, k) * load<f64>(x + <usize>load<i32>(at));
      b += entry<T>(value, k + 1) * load<f64>(x + <usize>load<i32>(at, 4));
      c += entry<T>(value, k + 2) * load<f64>(x + <usize>load<i32>(at, 8));
      d += entry<T>(value, k + 3) * load<f64>(x + <usize>load<i32>(at, 12));
    }
    for (; k < end; k++) a += entry<T>(value, k) * load<f64>(x + <usize>load<i32>(column + (k << 2)));
    store<f64>(product + (r << 3), shift + scale * (a + b + (c + d)));
  }
}

/** out ← out + Σ_r scale · factor[r] · row which[r]; the matrix as above. */
// @ts-ignore: decorator of AssemblyScript
@inline
function addRows<T>(
  start: usize,
  column: usize,
  value: usize,
  which: usize,
  count: usize,
  factor: usize,
  scale: f64,
  out: usize,
): void {
  for (let r: usize = 0; r < count; r++) {
    const s = which === 0 ? r : <usize>load<i32>(which + (r << 2));
    let k = <usize>load<i32>(start + (s << 2));
    const end = <usize>load<i32>(start + (s << 2), 4);
    const f = scale * load<f64>(factor + (r << 3));
    for (; k + 2 <= end; k += 2) {
      const o = out + <usize>load<i32>(column + (k << 2));
      const p = out + <usize>load<i32>(column + (k << 2), 4);
      // no column twice in a row
      const u = load<f64>(o) + f * entry<T>(value, k);
      const v = load<f64>(p) + f * entry<T>(value, k + 1);
      store<f64>(o, u);
      store<f64>(p, v);
    }
    if (k < end) {
      const o = out + <usize>load<i32>(column + (k << 2));
      store<f64>(o, load<f64>(o) + f * entry<T>(value, k));
    }
  }
}

/** Values of a row of scores that are summed in registers at a time: pairs, with the loads as many as there are registers for. */
const TILE: usize = 6;

/**
 * `pairs` neighbouring pairs of one row of scores: out ← shift + scale · Σ_k value[k] · row column[k] of X, k < end. Pairs is
 * known where this is inlined.
 */
// @ts-ignore: decorator of AssemblyScript
@inline
function scoreTile<T>(
  pairs: usize,
  k: usize,
  end: usize,
  column: usize,
  value: usize,
  x: usize,
  width: usize,
  scale: f64,
  shift: usize,
  out: usize,
): void {
  const zero = f64x2.splat(0);
  let a0 = zero, a1 = zero, a2 = zero, a3 = zero, a4 = zero, a5 = zero;
  for (; k < end; k++) {
    const v = f64x2.splat(entry<T>(value, k));
    const at = x + <usize>load<i32>(column + (k << 2)) * width;
    a0 = f64x2.add(a0, f64x2.mul(v, v128.load(at)));
    if (pairs > 1) a1 = f64x2.add(a1, f64x2.mul(v, v128.load(at, 16)));
    if (pairs > 2) a2 = f64x2.add(a2, f64x2.mul(v, v128.load(at, 32)));
    if (pairs > 3) a3 = f64x2.add(a3, f64x2.mul(v, v128.load(at, 48)));
    if (pairs > 4) a4 = f64x2.add(a4, f64x2.mul(v, v128.load(at, 64)));
    if (pairs > 5) a5 = f64x2.add(a5, f64x2.mul(v, v128.load(at, 80)));
  }
  const f = f64x2.splat(scale);
  v128.store(out, f64x2.add(v128.load(shift), f64x2.mul(f, a0)));
  if (pairs > 1) v128.store(out, f64x2.add(v128.load(shift, 16), f64x2.mul(f, a1)), 16);
  if (pairs > 2) v128.store(out, f64x2.add(v128.load(shift, 32), f64x2.mul(f, a2)), 32);
  if (pairs > 3) v128.store(out, f64x2.add(v128.load(shift, 48), f64x2.mul(f, a3)), 48);
  if (pairs > 4) v128.store(out, f64x2.add(v128.load(shift, 64), f64x2.mul(f, a4)), 64);
  if (pairs > 5) v128.store(out, f64x2.add(v128.load(shift, 80), f64x2.mul(f, a5)), 80);
}

/**
 * scores (count × width) ← shift + scale · A X: row r of A is row which[r] of a sparse matrix as above, X has `width` columns, a
 * multiple of 2, and shift (width) is added to every row. No `which`: all rows.
 */
// @ts-ignore: decorator of AssemblyScript
@inline
function scoreRows<T>(
  start: usize,
  column: usize,
  value: usize,
  which: usize,
  count: usize,
  x: usize,
  width: usize,
  scale: f64,
  shift: usize,
  scores: usize,
): void {
  const row = width << 3;
  for (let r: usize = 0; r < count; r++, scores += row) {
    const s = which === 0 ? r : <usize>load<i32>(which + (r << 2));
    const k = <usize>load<i32>(start + (s << 2));
    const end = <usize>load<i32>(start + (s << 2), 4);
    let c: usize = 0;
    for (; c + 2 * TILE <= width; c += 2 * TILE) {
      const at = c << 3;
      scoreTile<T>(TILE, k, end, column, value, x + at, width, scale, shift + at, scores + at);
    }
    const at = c << 3;
    switch (<i32>(width - c)) {
      case 2:
        scoreTile<T>(1, k, end, column, value, x + at, width, scale, shift + at, scores + at);
        break;
      case 4:
        scoreTile<T>(2, k, end, column, value, x + at, width, scale, shift + at, scores + at);
        break;
      case 6:
        scoreTile<T>(3, k, end, column, value, x + at, width, scale, shift + at, scores + at);
        break;
      case 8:
        scoreTile<T>(4, k, end, column, value, x + at, width, scale, shift + at, scores + at);
        break;
      case 10:
        scoreTile<T>(5, k, end, column, value, x + at, width, scale, shift + at, scores + at);
        break;
    }
  }
}

/** out ← out + scale · value[k] · factor at row column[k], k < end, for `pairs` neighbouring pairs. */
// @ts-ignore: decorator of AssemblyScript
@inline
function outerTile<T>(
  pairs: usize,
  k: usize,
  end: usize,
  column: usize,
  value: usize,
  factor: usize,
  width: usize,
  scale: f64,
  out: usize,
): void {
  const s = f64x2.splat(scale);
  const f0 = f64x2.mul(s, v128.load(factor));
  const f1 = pairs > 1 ? f64x2.mul(s, v128.load(factor, 16)) : f0;
  const f2 = pairs > 2 ? f64x2.mul(s, v128.load(factor, 32)) : f0;
  const f3 = pairs > 3 ? f64x2.mul(s, v128.load(factor, 48)) : f0;
  const f4 = pairs > 4 ? f64x2.mul(s, v128.load(factor, 64)) : f0;
  const f5 = pairs > 5 ? f64x2.mul(s, v128.load(factor, 80)) : f0;
  for (; k < end; k++) {
    const v = f64x2.splat(entry<T>(value, k));
    const o = out + <usize>load<i32>(column + (k << 2)) * width;
    v128.store(o, f64x2.add(v128.load(o), f64x2.mul(v, f0)));
    if (pairs > 1) v128.store(o, f64x2.add(v128.load(o, 16), f64x2.mul(v, f1)), 16);
    if (pairs > 2) v128.store(o, f64x2.add(v128.load(o, 32), f64x2.mul(v, f2)), 32);
    if (pairs > 3) v128.store(o, f64x2.add(v128.load(o, 48), f64x2.mul(v, f3)), 48);
    if (pairs > 4) v128.store(o, f64x2.add(v128.load(o, 64), f64x2.mul(v, f4)), 64);
    if (pairs > 5) v128.store(o, f64x2.add(v128.load(o, 80), f64x2.mul(v, f5)), 80);
  }
}

/** out (· × width) ← out + scale · Aᵀ F, F (count × width); A as above. */
// @ts-ignore: decorator of AssemblyScript
@inline
function addOuterRows<T>(
  start: usize,
  column: usize,
  value: usize,
  which: usize,
  count: usize,
  factor: usize,
  width: usize,
  scale: f64,
  out: usize,
): void {
  const row = width << 3;
  for (let r: usize = 0; r < count; r++, factor += row) {
    const s = which === 0 ? r : <usize>load<i32>(which + (r << 2));
    const k = <usize>load<i32>(start + (s << 2));
    const end = <usize>load<i32>(start + (s << 2), 4);
    let c: usize = 0;
    for (; c + 2 * TILE <= width; c += 2 * TILE) {
      outerTile<T>(TILE, k, end, column, value, factor + (c << 3), width, scale, out + (c << 3));
    }
    const at = c << 3;
    switch (<i32>(width - c)) {
      case 2:
        outerTile<T>(1, k, end, column, value, factor + at, width, scale, out + at);
        break;
      case 4:
        outerTile<T>(2, k, end, column, value, factor + at, width, scale, out + at);
        break;
      case 6:
        outerTile<T>(3, k, end, column, value, factor + at, width, scale, out + at);
        break;
      case 8:
        outerTile<T>(4, k, end, column, value, factor + at, width, scale, out + at);
        break;
      case 10:
        outerTile<T>(5, k, end, column, value, factor + at, width, scale, out + at);
        break;
    }
  }
}

export function scoreRowsOnes(
  start: usize,
  column: usize,
  value: usize,
  which: usize,
  count: usize,
  x: usize,
  width: usize,
  scale: f64,
  shift: usize,
  scores: usize,
): void {
  scoreRows<Ones>(start, column, value, which, count, x, width, scale, shift, scores);
}

export function addOuterRowsOnes(
  start: usize,
  column: usize,
  value: usize,
  which: usize,
  count: usize,
  factor: usize,
  width: usize,
  scale: f64,
  out: usize,
): void {
  addOuterRows<Ones>(start, column, value, which, count, factor, width, scale, out);
}

export function scoreRowsU8(
  start: usize,
  column: usize,
  value: usize,
  which: usize,
  count: usize,
  x: usize,
  width: usize,
  scale: f64,
  shift: usize,
  scores: usize,
): void {
  scoreRows<u8>(start, column, value, which, count, x, width, scale, shift, scores);
}

export function addOuterRowsU8(
  start: usize,
  column: usize,
  value: usize,
  which: usize,
  count: usize,
  factor: usize,
  width: usize,
  scale: f64,
  out: usize,
): void {
  addOuterRows<u8>(start, column, value, which, count, factor, width, scale, out);
}

export function scoreRowsF64(
  start: usize,
  column: usize,
  value: usize,
  which: usize,
  count: usize,
  x: usize,
  width: usize,
  scale: f64,
  shift: usize,
  scores: usize,
): void {
  scoreRows<f64>(start, column, value, which, count, x, width, scale, shift, scores);
}

export function addOuterRowsF64(
  start: usize,
  column: usize,
  value: usize,
  which: usize,
  count: usize,
  factor: usize,
  width: usize,
  scale: f64,
  out: usize,
): void {
  addOuterRows<f64>(start, column, value, which, count, factor, width, scale, out);
}

/**
 * `pairs` neighbouring pairs of two rows of scores: as `scoreTile`, for dense rows of T at `a` and `b`. Pairs is known where this
 * is inlined.
 */
// @ts-ignore: decorator of AssemblyScript
@inline
function scoreDenseTile<T>(
  pairs: usize,
  columns: usize,
  a: usize,
  b: usize,
  x: usize,
  width: usize,
  scale: f64,
  shift: usize,
  out: usize,
  next: usize,
): void {
  const zero = f64x2.splat(0);
  let a0 = zero, a1 = zero, a2 = zero, a3 = zero, a4 = zero, a5 = zero;
  let b0 = zero, b1 = zero, b2 = zero, b3 = zero, b4 = zero, b5 = zero;
  const row = width << 3;
  for (const end = a + columns * sizeof<T>(); a < end; a += sizeof<T>(), b += sizeof<T>(), x += row) {
    const v = f64x2.splat(<f64>load<T>(a));
    const w = f64x2.splat(<f64>load<T>(b));
    let t = v128.load(x);
    a0 = f64x2.add(a0, f64x2.mul(v, t));
    b0 = f64x2.add(b0, f64x2.mul(w, t));
    if (pairs > 1) {
      t = v128.load(x, 16);
      a1 = f64x2.add(a1, f64x2.mul(v, t));
      b1 = f64x2.add(b1, f64x2.mul(w, t));
    }
    if (pairs > 2) {
      t = v128.load(x, 32);
      a2 = f64x2.add(a2, f64x2.mul(v, t));
      b2 = f64x2.add(b2, f64x2.mul(w, t));
    }
    if (pairs > 3) {
      t = v128.load(x, 48);
      a3 = f64x2.add(a3, f64x2.mul(v, t));
      b3 = f64x2.add(b3, f64x2.mul(w, t));
    }
    if (pairs > 4) {
      t = v128.load(x, 64);
      a4 = f64x2.add(a4, f64x2.mul(v, t));
      b4 = f64x2.add(b4, f64x2.mul(w, t));
    }
    if (pairs > 5) {
      t = v128.load(x, 80);
      a5 = f64x2.add(a5, f64x2.mul(v, t));
      b5 = f64x2.add(b5, f64x2.mul(w, t));
    }
  }
  const f = f64x2.splat(scale);
  let s = v128.load(shift);
  v128.store(out, f64x2.add(s, f64x2.mul(f, a0)));
  v128.store(next, f64x2.add(s, f64x2.mul(f, b0)));
  if (pairs > 1) {
    s = v128.load(shift, 16);
    v128.store(out, f64x2.add(s, f64x2.mul(f, a1)), 16);
    v128.store(next, f64x2.add(s, f64x2.mul(f, b1)), 16);
  }
  if (pairs > 2) {
    s = v128.load(shift, 32);
    v128.store(out, f64x2.add(s, f64x2.mul(f, a2)), 32);
    v128.store(next, f64x2.add(s, f64x2.mul(f, b2)), 32);
  }
  if (pairs > 3) {
    s = v128.load(shift, 48);
    v128.store(out, f64x2.add(s, f64x2.mul(f, a3)), 48);
    v128.store(next, f64x2.add(s, f64x2.mul(f, b3)), 48);
  }
  if (pairs > 4) {
    s = v128.load(shift, 64);
    v128.store(out, f64x2.add(s, f64x2.mul(f, a4)), 64);
    v128.store(next, f64x2.add(s, f64x2.mul(f, b4)), 64);
  }
  if (pairs > 5) {
    s = v128.load(shift, 80);
    v128.store(out, f64x2.add(s, f64x2.mul(f, a5)), 80);
    v128.store(next, f64x2.add(s, f64x2.mul(f, b5)), 80);
  }
}

/** Address of the values of row `r` of `count`; the last row in place of those after it. */
// @ts-ignore: decorator of AssemblyScript
@inline
function denseRow(value: usize, size: usize, which: usize, r: usize, count: usize): usize {
  const last = min(r, count - 1);
  return value + size * (which === 0 ? last : <usize>load<i32>(which + (last << 2)));
}

/** As `scoreRows`, for dense rows of `columns` values of T. */
// @ts-ignore: decorator of AssemblyScript
@inline
function scoreDenseRows<T>(
  value: usize,
  columns: usize,
  which: usize,
  count: usize,
  x: usize,
  width: usize,
  scale: f64,
  shift: usize,
  scores: usize,
): void {
  const row = width << 3;
  const size = columns * sizeof<T>();
  for (let r: usize = 0; r < count; r += 2) {
    const a = denseRow(value, size, which, r, count);
    const b = denseRow(value, size, which, r + 1, count);
    const out = scores + r * row;
    // an odd last row is its own second one
    const next = r + 1 < count ? out + row : out;
    let c: usize = 0;
    for (; c + 2 * TILE <= width; c += 2 * TILE) {
      const at = c << 3;
      scoreDenseTile<T>(TILE, columns, a, b, x + at, width, scale, shift + at, out + at, next + at);
    }
    const at = c << 3;
    switch (<i32>(width - c)) {
      case 2:
        scoreDenseTile<T>(1, columns, a, b, x + at, width, scale, shift + at, out + at, next + at);
        break;
      case 4:
        scoreDenseTile<T>(2, columns, a, b, x + at, width, scale, shift + at, out + at, next + at);
        break;
      case 6:
        scoreDenseTile<T>(3, columns, a, b, x + at, width, scale, shift + at, out + at, next + at);
        break;
      case 8:
        scoreDenseTile<T>(4, columns, a, b, x + at, width, scale, shift + at, out + at, next + at);
        break;
      case 10:
        scoreDenseTile<T>(5, columns, a, b, x + at, width, scale, shift + at, out + at, next + at);
        break;
    }
  }
}

/** out ← out + scale · (row a)ᵀ factor + scale · (row b)ᵀ next, for `pairs` neighbouring pairs of columns of out. */
// @ts-ignore: decorator of AssemblyScript
@inline
function outerDenseTile<T>(
  pairs: usize,
  columns: usize,
  a: usize,
  b: usize,
  factor: usize,
  next: usize,
  width: usize,
  scale: f64,
  nextScale: f64,
  out: usize,
): void {
  const s = f64x2.splat(scale);
  const t = f64x2.splat(nextScale);
  const f0 = f64x2.mul(s, v128.load(factor));
  const g0 = f64x2.mul(t, v128.load(next));
  const f1 = pairs > 1 ? f64x2.mul(s, v128.load(factor, 16)) : f0;
  const g1 = pairs > 1 ? f64x2.mul(t, v128.load(next, 16)) : g0;
  const f2 = pairs > 2 ? f64x2.mul(s, v128.load(factor, 32)) : f0;
  const g2 = pairs > 2 ? f64x2.mul(t, v128.load(next, 32)) : g0;
  const f3 = pairs > 3 ? f64x2.mul(s, v128.load(factor, 48)) : f0;
  const g3 = pairs > 3 ? f64x2.mul(t, v128.load(next, 48)) : g0;
  const f4 = pairs > 4 ? f64x2.mul(s, v128.load(factor, 64)) : f0;
  const g4 = pairs > 4 ? f64x2.mul(t, v128.load(next, 64)) : g0;
  const f5 = pairs > 5 ? f64x2.mul(s, v128.load(factor, 80)) : f0;
  const g5 = pairs > 5 ? f64x2.mul(t, v128.load(next, 80)) : g0;
  const row = width << 3;
  for (const end = a + columns * sizeof<T>(); a < end; a += sizeof<T>(), b += sizeof<T>(), out += row) {
    const v = f64x2.splat(<f64>load<T>(a));
    const w = f64x2.splat(<f64>load<T>(b));
    v128.store(out, f64x2.add(v128.load(out), f64x2.add(f64x2.mul(v, f0), f64x2.mul(w, g0))));
    if (pairs > 1) {
      v128.store(out, f64x2.add(v128.load(out, 16), f64x2.add(f64x2.mul(v, f1), f64x2.mul(w, g1))), 16);
    }
    if (pairs > 2) {
      v128.store(out, f64x2.add(v128.load(out, 32), f64x2.add(f64x2.mul(v, f2), f64x2.mul(w, g2))), 32);
    }
    if (pairs > 3) {
      v128.store(out, f64x2.add(v128.load(out, 48), f64x2.add(f64x2.mul(v, f3), f64x2.mul(w, g3))), 48);
    }
    if (pairs > 4) {
      v128.store(out, f64x2.add(v128.load(out, 64), f64x2.add(f64x2.mul(v, f4), f64x2.mul(w, g4))), 64);
    }
    if (pairs > 5) {
      v128.store(out, f64x2.add(v128.load(out, 80), f64x2.add(f64x2.mul(v, f5), f64x2.mul(w, g5))), 80);
    }
  }
}

/** As `addOuterRows`, for dense rows of `columns` values of T. */
// @ts-ignore: decorator of AssemblyScript
@inline
function addOuterDenseRows<T>(
  value: usize,
  columns: usize,
  which: usize,
  count: usize,
  factor: usize,
  width: usize,
  scale: f64,
  out: usize,
): void {
  const row = width << 3;
  const size = columns * sizeof<T>();
  for (let r: usize = 0; r < count; r += 2) {
    const a = denseRow(value, size, which, r, count);
    const b = denseRow(value, size, which, r + 1, count);
    const own = factor + r * row;
    const paired = r + 1 < count;
    const next = paired ? own + row : own;
    const nextScale = paired ? scale : 0;
    let c: usize = 0;
    for (; c + 2 * TILE <= width; c += 2 * TILE) {
      const at = c << 3;
      outerDenseTile<T>(TILE, columns, a, b, own + at, next + at, width, scale, nextScale, out + at);
    }
    const at = c << 3;
    switch (<i32>(width - c)) {
      case 2:
        outerDenseTile<T>(1, columns, a, b, own + at, next + at, width, scale, nextScale, out + at);
        break;
      case 4:
        outerDenseTile<T>(2, columns, a, b, own + at, next + at, width, scale, nextScale, out + at);
        break;
      case 6:
        outerDenseTile<T>(3, columns, a, b, own + at, next + at, width, scale, nextScale, out + at);
        break;
      case 8:
        outerDenseTile<T>(4, columns, a, b, own + at, next + at, width, scale, nextScale, out + at);
        break;
      case 10:
        outerDenseTile<T>(5, columns, a, b, own + at, next + at, width, scale, nextScale, out + at);
        break;
    }
  }
}

export function scoreDenseRowsU8(
  value: usize,
  columns: usize,
  which: usize,
  count: usize,
  x: usize,
  width: usize,
  scale: f64,
  shift: usize,
  scores: usize,
): void {
  scoreDenseRows<u8>(value, columns, which, count, x, width, scale, shift, scores);
}

export function addOuterDenseRowsU8(
  value: usize,
  columns: usize,
  which: usize,
  count: usize,
  factor: usize,
  width: usize,
  scale: f64,
  out: usize,
): void {
  addOuterDenseRows<u8>(value, columns, which, count, factor, width, scale, out);
}

export function scoreDenseRowsF32(
  value: usize,
  columns: usize,
  which: usize,
  count: usize,
  x: usize,
  width: usize,
  scale: f64,
  shift: usize,
  scores: usize,
): void {
  scoreDenseRows<f32>(value, columns, which, count, x, width, scale, shift, scores);
}

export function addOuterDenseRowsF32(
  value: usize,
  columns: usize,
  which: usize,
  count: usize,
  factor: usize,
  width: usize,
  scale: f64,
  out: usize,
): void {
  addOuterDenseRows<f32>(value, columns, which, count, factor, width, scale, out);
}

export function scoreDenseRowsF64(
  value: usize,
  columns: usize,
  which: usize,
  count: usize,
  x: usize,
  width: usize,
  scale: f64,
  shift: usize,
  scores: usize,
): void {
  scoreDenseRows<f64>(value, columns, which, count, x, width, scale, shift, scores);
}

export function addOuterDenseRowsF64(
  value: usize,
  columns: usize,
  which: usize,
  count: usize,
  factor: usize,
  width: usize,
  scale: f64,
  out: usize,
): void {
  addOuterDenseRows<f64>(value, columns, which, count, factor, width, scale, out);
}

export function multiplyRowsOnes(
  start: usize,
  column: usize,
  value: usize,
  which: usize,
  count: usize,
  x: usize,
  scale: f64,
  shift: f64,
  product: usize,
): void {
  multiplyRows<Ones>(start, column, value, which, count, x, scale, shift, product);
}

export function addRowsOnes(
  start: usize,
  column: usize,
  value: usize,
  which: usize,
  count: usize,
  factor: usize,
  scale: f64,
  out: usize,
): void {
  addRows<Ones>(start, column, value, which, count, factor, scale, out);
}

export function multiplyRowsU8(
  start: usize,
  column: usize,
  value: usize,
  which: usize,
  count: usize,
  x: usize,
  scale: f64,
  shift: f64,
  product: usize,
): void {
  multiplyRows<u8>(start, column, value, which, count, x, scale, shift, product);
}

export function addRowsU8(
  start: usize,
  column: usize,
  value: usize,
  which: usize,
  count: usize,
  factor: usize,
  scale: f64,
  out: usize,
): void {
  addRows<u8>(start, column, value, which, count, factor, scale, out);
}

export function multiplyRowsF64(
  start: usize,
  column: usize,
  value: usize,
  which: usize,
  count: usize,
  x: usize,
  scale: f64,
  shift: f64,
  product: usize,
): void {
  multiplyRows<f64>(start, column, value, which, count, x, scale, shift, product);
}

export function addRowsF64(
  start: usize,
  column: usize,
  value: usize,
  which: usize,
  count: usize,
  factor: usize,
  scale: f64,
  out: usize,
): void {
  addRows<f64>(start, column, value, which, count, factor, scale, out);
}

/** Values k and k + 1 of a dense row of T, as f64. */
// @ts-ignore: decorator of AssemblyScript
@inline
function densePair<T>(at: usize): v128 {
  if (sizeof<T>() === 8) return v128.load(at);
  if (sizeof<T>() === 4) return f64x2.promote_low_f32x4(v128.load64_zero(at));
  return f64x2.replace_lane(f64x2.splat(<f64>load<u8>(at)), 1, <f64>load<u8>(at, 1));
}

/**
 * product[r] ← shift + scale · ⟨row which[r], x⟩ for r < count; rows of `columns` values of T. No `which`: all rows. The same four
 * partial sums as for a sparse row.
 */
// @ts-ignore: decorator of AssemblyScript
@inline
function multiplyDenseRows<T>(
  value: usize,
  columns: usize,
  which: usize,
  count: usize,
  x: usize,
  scale: f64,
  shift: f64,
  product: usize,
): void {
  const size = columns * sizeof<T>();
  for (let r: usize = 0; r < count; r++) {
    let at = value + size * (which === 0 ? r : <usize>load<i32>(which + (r << 2)));
    let from = x;
    let left = f64x2.splat(0);
    let right = f64x2.splat(0);
    let j: usize = 0;
    for (; j + 4 <= columns; j += 4, at += 4 * sizeof<T>(), from += 32) {
      left = f64x2.add(left, f64x2.mul(densePair<T>(at), v128.load(from)));
      right = f64x2.add(right, f64x2.mul(densePair<T>(at + 2 * sizeof<T>()), v128.load(from, 16)));
    }
    let a = f64x2.extract_lane(left, 0);
    for (; j < columns; j++, at += sizeof<T>(), from += 8) a += <f64>load<T>(at) * load<f64>(from);
    const sum = a + f64x2.extract_lane(left, 1) + (f64x2.extract_lane(right, 0) + f64x2.extract_lane(right, 1));
    store<f64>(product + (r << 3), shift + scale * sum);
  }
}

/** out ← out + Σ_r scale · factor[r] · row which[r]; the matrix as above. */
// @ts-ignore: decorator of AssemblyScript
@inline
function addDenseRows<T>(
  value: usize,
  columns: usize,
  which: usize,
  count: usize,
  factor: usize,
  scale: f64,
  out: usize,
): void {
  const size = columns * sizeof<T>();
  for (let r: usize = 0; r < count; r++) {
    let at = value + size * (which === 0 ? r : <usize>load<i32>(which + (r << 2)));
    const f = scale * load<f64>(factor + (r << 3));
    const both = f64x2.splat(f);
    let to = out;
    let j: usize = 0;
    for (; j + 2 <= columns; j += 2, at += 2 * sizeof<T>(), to += 16) {
      v128.store(to, f64x2.add(v128.load(to), f64x2.mul(both, densePair<T>(at))));
    }
    if (j < columns) store<f64>(to, load<f64>(to) + f * <f64>load<T>(at));
  }
}

export function multiplyDenseRowsU8(
  value: usize,
  columns: usize,
  which: usize,
  count: usize,
  x: usize,
  scale: f64,
  shift: f64,
  product: usize,
): void {
  multiplyDenseRows<u8>(value, columns, which, count, x, scale, shift, product);
}

export function addDenseRowsU8(
  value: usize,
  columns: usize,
  which: usize,
  count: usize,
  factor: usize,
  scale: f64,
  out: usize,
): void {
  addDenseRows<u8>(value, columns, which, count, factor, scale, out);
}

export function multiplyDenseRowsF32(
  value: usize,
  columns: usize,
  which: usize,
  count: usize,
  x: usize,
  scale: f64,
  shift: f64,
  product: usize,
): void {
  multiplyDenseRows<f32>(value, columns, which, count, x, scale, shift, product);
}

export function addDenseRowsF32(
  value: usize,
  columns: usize,
  which: usize,
  count: usize,
  factor: usize,
  scale: f64,
  out: usize,
): void {
  addDenseRows<f32>(value, columns, which, count, factor, scale, out);
}

export function multiplyDenseRowsF64(
  value: usize,
  columns: usize,
  which: usize,
  count: usize,
  x: usize,
  scale: f64,
  shift: f64,
  product: usize,
): void {
  multiplyDenseRows<f64>(value, columns, which, count, x, scale, shift, product);
}

export function addDenseRowsF64(
  value: usize,
  columns: usize,
  which: usize,
  count: usize,
  factor: usize,
  scale: f64,
  out: usize,
): void {
  addDenseRows<f64>(value, columns, which, count, factor, scale, out);
}
