// Norms of values (f64), a vector of which begins with room for three more behind it.

/** Σ x², in eight sums that are added at the end. */
export function sumOfSquares(values: usize, count: u32): f64 {
  clear(values, count);
  let a = f64x2.splat(0);
  let b = a;
  let c = a;
  let d = a;
  const end = values + (<usize>count << 3);
  for (; values + 64 <= end; values += 64) {
    const w = v128.load(values);
    const x = v128.load(values, 16);
    const y = v128.load(values, 32);
    const z = v128.load(values, 48);
    a = f64x2.add(a, f64x2.mul(w, w));
    b = f64x2.add(b, f64x2.mul(x, x));
    c = f64x2.add(c, f64x2.mul(y, y));
    d = f64x2.add(d, f64x2.mul(z, z));
  }
  for (; values < end; values += 16) {
    const x = v128.load(values);
    a = f64x2.add(a, f64x2.mul(x, x));
  }
  const all = f64x2.add(f64x2.add(a, b), f64x2.add(c, d));
  return f64x2.extract_lane(all, 0) + f64x2.extract_lane(all, 1);
}

/** max |x|; NaN when a value is not finite. */
export function largestMagnitude(values: usize, count: u32): f64 {
  clear(values, count);
  const mask = i32x4.splat(0x7fffffff);
  let high = i32x4.splat(0);
  let a = f64x2.splat(0);
  let b = a;
  for (const end = values + (<usize>count << 3); values < end; values += 32) {
    const x = v128.load(values);
    const y = v128.load(values, 16);
    high = i32x4.max_u(high, v128.and(v128.shuffle<i32>(x, y, 1, 3, 5, 7), mask));
    a = f64x2.pmax(a, f64x2.abs(x));
    b = f64x2.pmax(b, f64x2.abs(y));
  }
  if (v128.any_true(i32x4.gt_u(high, i32x4.splat(0x7fefffff)))) return NaN;
  const both = f64x2.pmax(a, b);
  return max(f64x2.extract_lane(both, 0), f64x2.extract_lane(both, 1));
}

// @ts-ignore: decorator of AssemblyScript
@inline
function clear(values: usize, count: u32): void {
  memory.fill(values + (<usize>count << 3), 0, 24);
}
