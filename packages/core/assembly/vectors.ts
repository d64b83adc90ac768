// AssemblyScript: what methods do to every coordinate, compiled to WebAssembly SIMD by build.js and called through
// src/vector-kernels.ts. Pointers are byte addresses, 16-byte aligned; vectors of four coordinates are read and written as a whole.

/** Where a module's own data ends. */
export function base(): usize {
  return __heap_base;
}

/** out ← a·x + b·y */
export function combineF64(a: f64, x: usize, b: f64, y: usize, out: usize, count: usize): void {
  combine<f64>(a, x, b, y, out, count);
}

export function combineF32(a: f64, x: usize, b: f64, y: usize, out: usize, count: usize): void {
  combine<f32>(a, x, b, y, out, count);
}

// @ts-ignore: decorator of AssemblyScript
@inline
function combine<T>(a: f64, x: usize, b: f64, y: usize, out: usize, count: usize): void {
  const as = f64x2.splat(a);
  const bs = f64x2.splat(b);
  const step: usize = 2 * sizeof<T>();
  for (const end = x + count * sizeof<T>(); x < end; x += 2 * step, y += 2 * step, out += 2 * step) {
    const low = f64x2.add(f64x2.mul(as, two<T>(x)), f64x2.mul(bs, two<T>(y)));
    const high = f64x2.add(f64x2.mul(as, two<T>(x + step)), f64x2.mul(bs, two<T>(y + step)));
    putFour<T>(out, low, high);
  }
}

/**
 * out_j ← q (2x_j − x_{j−1} − x_{j+1}) + b_j, b in f64; what is beside the first and the last coordinate lies next to them. Returns
 * `sum` + Σ x_j (½ q (…) + b_j), added from the first to the last.
 */
export function tridiagonalF64(q: f64, b: usize, x: usize, out: usize, count: usize, sum: f64): f64 {
  return tridiagonal<f64>(q, b, x, out, count, sum);
}

export function tridiagonalF32(q: f64, b: usize, x: usize, out: usize, count: usize, sum: f64): f64 {
  return tridiagonal<f32>(q, b, x, out, count, sum);
}

// @ts-ignore: decorator of AssemblyScript
@inline
function tridiagonal<T>(q: f64, b: usize, x: usize, out: usize, count: usize, sum: f64): f64 {
  const step: usize = 2 * sizeof<T>();
  const quarters = count >> 2;
  for (let k: usize = 0; k < quarters; k++, x += 2 * step, b += 32, out += 2 * step) {
    const p = products<T>(q, x);
    const r = products<T>(q, x + step);
    const c = v128.load(b);
    const d = v128.load(b, 16);
    putFour<T>(out, f64x2.add(p, c), f64x2.add(r, d));
    const s = terms<T>(x, p, c);
    const t = terms<T>(x + step, r, d);
    sum += f64x2.extract_lane(s, 0);
    sum += f64x2.extract_lane(s, 1);
    sum += f64x2.extract_lane(t, 0);
    sum += f64x2.extract_lane(t, 1);
  }
  for (let k = quarters << 2; k < count; k++, x += sizeof<T>(), b += 8, out += sizeof<T>()) {
    const here = <f64>load<T>(x);
    const linear = load<f64>(b);
    const product = q * (2 * here - <f64>load<T>(x - sizeof<T>()) - <f64>load<T>(x + sizeof<T>()));
    store<T>(out, <T>(product + linear));
    sum += here * (0.5 * product + linear);
  }
  return sum;
}

/** q (2x_j − x_{j−1} − x_{j+1}) of two coordinates. */
// @ts-ignore: decorator of AssemblyScript
@inline
function products<T>(q: f64, x: usize): v128 {
  const twice = f64x2.mul(f64x2.splat(2), two<T>(x));
  return f64x2.mul(f64x2.splat(q), f64x2.sub(f64x2.sub(twice, two<T>(x - sizeof<T>())), two<T>(x + sizeof<T>())));
}

/** x_j (½ p_j + b_j) of two coordinates. */
// @ts-ignore: decorator of AssemblyScript
@inline
function terms<T>(x: usize, p: v128, b: v128): v128 {
  return f64x2.mul(two<T>(x), f64x2.add(f64x2.mul(f64x2.splat(0.5), p), b));
}

/** Two coordinates as f64. */
// @ts-ignore: decorator of AssemblyScript
@inline
function two<T>(at: usize): v128 {
  return sizeof<T>() == 4 ? f64x2.promote_low_f32x4(v128.load64_zero(at)) : v128.load(at);
}

/** Stores four coordinates, each rounded once where they are f32. */
// @ts-ignore: decorator of AssemblyScript
@inline
function putFour<T>(at: usize, low: v128, high: v128): void {
  if (sizeof<T>() == 4) {
    v128.store(at, v128.shuffle<f32>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 1, 4, 5));
  } else {
    v128.store(at, low);
    v128.store(at, high, 16);
  }
}
