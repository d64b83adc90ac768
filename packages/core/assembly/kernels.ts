// AssemblyScript: compiled to WebAssembly SIMD by build.js, called through src/kernels/kernels.ts. Pointers are byte
// addresses of f64 values, 16-byte aligned.

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
 * in an order that depends on `inner` alone.
 */
export function multiplyTransposed(
  a: usize,
  b: usize,
  out: usize,
  rows: usize,
  columns: usize,
  inner: usize,
  packed: usize,
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
        for (let j = j0; j < j1; j += 2) {
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

/** Sum of the four lanes. */
// @ts-ignore: decorator of AssemblyScript
@inline
function total(v: v128): f64 {
  return <f64>(
    (v128.extract_lane<i32>(v, 0) + v128.extract_lane<i32>(v, 1) + v128.extract_lane<i32>(v, 2) + v128.extract_lane<i32>(v, 3))
  );
}

/**
 * out (side × side, f64, row-major) ← out + X Xᵀ on and above the diagonal, X (side × length) of i16, side a multiple of
 * 4 and length of 8. Exact while length · max(x)² < 2³¹: pairs of products are summed in 32-bit integers.
 */
export function addGram16(x: usize, out: usize, side: usize, length: usize): void {
  const row = length << 1;
  const outRow = side << 3;
  for (let i: usize = 0; i < side; i += 4) {
    for (let j = i; j < side; j += 2) {
      const zero = i32x4.splat(0);
      let a0 = zero, a1 = zero, a2 = zero, a3 = zero;
      let c0 = zero, c1 = zero, c2 = zero, c3 = zero;
      let ip = x + i * row;
      let jp = x + j * row;
      for (const end = ip + row; ip < end; ip += 16, jp += 16) {
        const u = v128.load(jp);
        const v = v128.load(jp + row);
        let t = v128.load(ip);
        a0 = i32x4.add(a0, i32x4.dot_i16x8_s(t, u));
        c0 = i32x4.add(c0, i32x4.dot_i16x8_s(t, v));
        t = v128.load(ip + row);
        a1 = i32x4.add(a1, i32x4.dot_i16x8_s(t, u));
        c1 = i32x4.add(c1, i32x4.dot_i16x8_s(t, v));
        t = v128.load(ip + row * 2);
        a2 = i32x4.add(a2, i32x4.dot_i16x8_s(t, u));
        c2 = i32x4.add(c2, i32x4.dot_i16x8_s(t, v));
        t = v128.load(ip + row * 3);
        a3 = i32x4.add(a3, i32x4.dot_i16x8_s(t, u));
        c3 = i32x4.add(c3, i32x4.dot_i16x8_s(t, v));
      }
      let o = out + i * outRow + (j << 3);
      store<f64>(o, load<f64>(o) + total(a0));
      store<f64>(o + 8, load<f64>(o + 8) + total(c0));
      o += outRow;
      store<f64>(o, load<f64>(o) + total(a1));
      store<f64>(o + 8, load<f64>(o + 8) + total(c1));
      o += outRow;
      store<f64>(o, load<f64>(o) + total(a2));
      store<f64>(o + 8, load<f64>(o + 8) + total(c2));
      o += outRow;
      store<f64>(o, load<f64>(o) + total(a3));
      store<f64>(o + 8, load<f64>(o + 8) + total(c3));
    }
  }
}
