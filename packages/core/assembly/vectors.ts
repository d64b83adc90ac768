// AssemblyScript: what methods do to every coordinate, compiled to WebAssembly SIMD by build.js and called through
// src/vector-kernels.ts. Pointers are byte addresses, 16-byte aligned; vectors of four coordinates are read and written as a whole.

/** Where a module's own data ends. */
export function base(): usize {
  return __heap_base;
}

/** out ← a·x + b·y, f64 */
export function combineF64(a: f64, x: usize, b: f64, y: usize, out: usize, count: usize): void {
  const as = f64x2.splat(a);
  const bs = f64x2.splat(b);
  for (const end = x + (count << 3); x < end; x += 32, y += 32, out += 32) {
    v128.store(out, f64x2.add(f64x2.mul(as, v128.load(x)), f64x2.mul(bs, v128.load(y))));
    v128.store(out, f64x2.add(f64x2.mul(as, v128.load(x, 16)), f64x2.mul(bs, v128.load(y, 16))), 16);
  }
}

/** The same of f32 coordinates: in f64, rounded once, as JavaScript does it. */
export function combineF32(a: f64, x: usize, b: f64, y: usize, out: usize, count: usize): void {
  const as = f64x2.splat(a);
  const bs = f64x2.splat(b);
  for (const end = x + (count << 2); x < end; x += 16, y += 16, out += 16) {
    const low = f64x2.add(f64x2.mul(as, twoF32(x)), f64x2.mul(bs, twoF32(y)));
    const high = f64x2.add(f64x2.mul(as, twoF32(x + 8)), f64x2.mul(bs, twoF32(y + 8)));
    v128.store(out, v128.shuffle<f32>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 1, 4, 5));
  }
}

/** Two f32 values as f64. */
// @ts-ignore: decorator of AssemblyScript
@inline
function twoF32(at: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(at));
}
