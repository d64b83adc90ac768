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
export function two<T>(at: usize): v128 {
  return sizeof<T>() == 4 ? f64x2.promote_low_f32x4(v128.load64_zero(at)) : v128.load(at);
}

/** Stores two coordinates, each rounded once where they are f32. */
// @ts-ignore: decorator of AssemblyScript
@inline
export function putTwo<T>(at: usize, x: v128): void {
  if (sizeof<T>() == 4) v128.store64_lane(at, f32x4.demote_f64x2_zero(x), 0);
  else v128.store(at, x);
}

/** Stores four coordinates, each rounded once where they are f32. */
// @ts-ignore: decorator of AssemblyScript
@inline
export function putFour<T>(at: usize, low: v128, high: v128): void {
  if (sizeof<T>() == 4) {
    v128.store(at, v128.shuffle<f32>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 1, 4, 5));
  } else {
    v128.store(at, low);
    v128.store(at, high, 16);
  }
}

/**
 * Lists a uniform subset of `count` of {0 … length − 1} at `index` (u32) with words of the sfc32 stream at `place`, which is left behind
 * them: as src/subset.ts says. `member` is room for a bit for each of `length`, in words of 64, all zero before and after.
 */
export function subset(place: usize, length: u32, count: u32, index: usize, member: usize): void {
  let a = load<i32>(place), b = load<i32>(place, 4), c = load<i32>(place, 8), n = load<i32>(place, 12);
  const end = index + (<usize>count << 2);
  for (let at = index, last = length - count; at < end; at += 4, last++) {
    const bound = last + 1;
    let j: u32 = 0;
    // as Rng.below
    let again = false;
    do {
      const word = <u32>(a + b + n++);
      a = b ^ (b >>> 9);
      b = c + (c << 3);
      c = rotl(c, 21) + word;
      if (bound > 0x200000) {
        j = word & (<u32>-1 >>> <u32>clz(last));
        again = j >= bound;
      } else {
        const product = <u64>word * bound;
        j = <u32>(product >>> 32);
        again = <u32>product < bound && <u32>product < (0 - bound) % bound;
      }
    } while (again);
    const chosen = hasBit(member, j) ? last : j;
    setBit(member, chosen);
    store<u32>(at, chosen);
  }
  store<i32>(place, a);
  store<i32>(place, b, 4);
  store<i32>(place, c, 8);
  store<i32>(place, n, 12);
  if (<u64>count * 32 < length) {
    for (let at = index; at < end; at += 4) store<u64>(wordOf(member, load<u32>(at)), 0);
    return;
  }
  for (let at = index, first: u32 = 0; at < end; first += 64) {
    const word = wordOf(member, first);
    for (let bits = load<u64>(word); bits !== 0; bits &= bits - 1, at += 4) store<u32>(at, first + <u32>ctz(bits));
    store<u64>(word, 0);
  }
}

// @ts-ignore: decorator of AssemblyScript
@inline
function wordOf(member: usize, item: u32): usize {
  return member + (<usize>(item >>> 6) << 3);
}

// @ts-ignore: decorator of AssemblyScript
@inline
function hasBit(member: usize, item: u32): bool {
  return <bool>((load<u64>(wordOf(member, item)) >>> (item & 63)) & 1);
}

// @ts-ignore: decorator of AssemblyScript
@inline
function setBit(member: usize, item: u32): void {
  const word = wordOf(member, item);
  store<u64>(word, load<u64>(word) | (<u64>1 << (item & 63)));
}
