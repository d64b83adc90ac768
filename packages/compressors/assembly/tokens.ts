// Tokens, as in src/tokens.ts.

export const SINGLE: u32 = 16;
export const TOKENS: u32 = SINGLE + 2 * 27;

// @ts-ignore: decorator of AssemblyScript
@inline
export function tokenOf(magnitude: u32): u32 {
  if (magnitude < SINGLE) return magnitude;
  const octave = 31 - clz(magnitude);
  return SINGLE + 2 * (octave - 4) + ((magnitude >>> (octave - 1)) & 1);
}

/** Bits of a magnitude that its token does not say. */
// @ts-ignore: decorator of AssemblyScript
@inline
export function extraBits(token: u32): u32 {
  return token < SINGLE ? 0 : ((token - SINGLE) >> 1) + 3;
}

// @ts-ignore: decorator of AssemblyScript
@inline
export function leastOf(token: u32): u32 {
  return token < SINGLE ? token : (2 + ((token - SINGLE) & 1)) << (((token - SINGLE) >> 1) + 3);
}

/**
 * Four numbers magnitude · 2 + sign as (most + 1 − magnitude) · 2 + sign, zeros as they are: `twice` is 2 (most + 1); or 0, when all
 * are as they are.
 */
// @ts-ignore: decorator of AssemblyScript
@inline
export function turned(numbers: v128, twice: u32): v128 {
  if (twice === 0) return numbers;
  // twice − (number − sign) + sign
  const double = i32x4.shl(v128.and(numbers, i32x4.splat(1)), 1);
  return v128.andnot(i32x4.add(i32x4.sub(i32x4.splat(twice), numbers), double), i32x4.eq(numbers, i32x4.splat(0)));
}

/** As {@link turned}, of one number. */
// @ts-ignore: decorator of AssemblyScript
@inline
export function turnedOne(number: u32, twice: u32): u32 {
  return twice === 0 || number === 0 ? number : twice - number + ((number & 1) << 1);
}
