// Rounding to powers of two and to levels, four values at a time. The words of a stream come in the order in which they would
// come one by one; a value that needs none or several (a zero, a tie of 31 digits, an extreme) is rounded by itself. Decisions
// are those of Rng.bit in packages/core/src/random.ts, digit by digit.
// Long: three roundings, which share the words and what turns them into decisions.

import { turned } from './tokens';

// Constants are loaded: V8 would put each of them together anew in every round, in three instructions.
const MASK11: usize = memory.data<i32>([0x7ff, 0x7ff, 0x7ff, 0x7ff], 16);
const MASK31: usize = memory.data<i32>([0x7fffffff, 0x7fffffff, 0x7fffffff, 0x7fffffff], 16);
const ONE: usize = memory.data<i32>([1, 1, 1, 1], 16);
/** 2⁵² and 2³¹. */
const MAGIC: usize = memory.data<f64>([4503599627370496, 4503599627370496], 16);
const DIGITS: usize = memory.data<f64>([2147483648, 2147483648], 16);
/** What a rounding begins with. */
const OWN: usize = memory.data(32, 16);

/** Words made at a time, and what is left of those before, at most. */
const WORDS = 1024;
const REST = 4;
const words: usize = memory.data((WORDS + REST) * 4, 16);
/** Addresses of the word that comes next, and behind the last one. */
let place: usize = words;
let wordsEnd: usize = words;
// the generator: sfc32
let stateA: i32 = 0;
let stateB: i32 = 0;
let stateC: i32 = 0;
let counter: i32 = 0;

/** Goes on from a place in a stream, as Rng.save gives it. */
export function seed(a: i32, b: i32, c: i32, count: i32): void {
  stateA = a;
  stateB = b;
  stateC = c;
  counter = count;
  place = words;
  wordsEnd = words;
}

/** Makes words behind those that are left, which are three at most. */
function refill(): void {
  let to = words;
  for (; place < wordsEnd; place += 4, to += 4) store<u32>(to, load<u32>(place));
  place = words;
  wordsEnd = to + WORDS * 4;
  let a = stateA;
  let b = stateB;
  let c = stateC;
  let n = counter;
  // two steps at a time, after which a and b have changed places twice
  for (; to < wordsEnd; to += 8, n += 2) {
    const word = a + n + b;
    store<u32>(to, word);
    const after = b ^ (b >>> 9);
    const b1 = c + (c << 3);
    const c1 = rotl(c, 21) + word;
    const second = after + (n + 1) + b1;
    store<u32>(to, second, 4);
    a = b1 ^ (b1 >>> 9);
    b = c1 + (c1 << 3);
    c = rotl(c1, 21) + second;
  }
  stateA = a;
  stateB = b;
  stateC = c;
  counter = n;
}

function next(): u32 {
  if (place === wordsEnd) refill();
  const word = load<u32>(place);
  place += 4;
  return word;
}

/** 1 with probability p, exactly, else 0. No word where p is 0. */
function bit(p: f64): u32 {
  if (!(p > 0)) return 0;
  let digits = p * 4294967296;
  const word = next();
  if (digits >= 4294967296) return 1;
  const difference = (word >>> 1) - ((<u32>digits) >>> 1);
  if (difference !== 0) return difference >>> 31;
  let drawn = word;
  let digit = <u32>digits;
  while (drawn === digit) {
    digits = (digits - <f64>digit) * 4294967296;
    if (digits === 0) return 0;
    drawn = next();
    digit = <u32>digits;
  }
  return drawn < digit ? 1 : 0;
}

/** True with probability p < 1, exactly: the first 53 digits from two words, those behind them only on a tie. */
function bit53(p: f64): u32 {
  const digits = p * 9007199254740992;
  const whole = floor(digits);
  const high = next() >>> 5;
  const drawn = <f64>high * 67108864 + <f64>(next() >>> 6);
  return drawn < whole || (drawn === whole && bit(digits - whole) === 1) ? 1 : 0;
}

// @ts-ignore: decorator of AssemblyScript
@inline
function lowWords(x: v128, y: v128): v128 {
  return v128.shuffle<i32>(x, y, 0, 2, 4, 6);
}

// @ts-ignore: decorator of AssemblyScript
@inline
function highWords(x: v128, y: v128): v128 {
  return v128.shuffle<i32>(x, y, 1, 3, 5, 7);
}

/** (level · 2 + sign), and 0 for level 0. */
// @ts-ignore: decorator of AssemblyScript
@inline
function signed(level: v128, high: v128): v128 {
  const number = v128.or(i32x4.shl(level, 1), i32x4.shr_u(high, 31));
  return v128.andnot(number, i32x4.eq(level, i32x4.splat(0)));
}

/**
 * Rounds `count` values (f64) to powers of two: numbers (u32) are (biased exponent) · 2 + sign. There must be room for three
 * values and three numbers more. Returns the largest exponent, or −1 − i when value i cannot be carried.
 *
 * @param bias of the wire's exponents, `top` the exponent of its infinities, `smallest` its smallest normal number
 */
export function roundNatural(values: usize, numbers: usize, count: u32, bias: i32, top: i32, smallest: f64): i32 {
  // exponents from 1 to top − 2 are usual: one less is below top − 2
  v128.store(OWN, i32x4.splat(bias - 1024));
  v128.store(OWN, i32x4.splat(top - 2), 16);
  const zero = i32x4.splat(0);
  let largest = zero;
  const full = count & ~3;
  // one condition a round, so that nothing is computed on both sides of a branch
  for (let i: u32 = 0; i < full; i += 4, values += 32, numbers += 16) {
    if (wordsEnd - place < 16) refill();
    const x = v128.load(values);
    const y = v128.load(values, 16);
    const low = lowWords(x, y);
    const high = highWords(x, y);
    const below = i32x4.add(v128.and(i32x4.shr_u(high, 20), v128.load(MASK11)), v128.load(OWN));
    const fraction = v128.or(v128.and(i32x4.shl(high, 11), v128.load(MASK31)), i32x4.shr_u(low, 21));
    const difference = i32x4.sub(i32x4.shr_u(v128.load(place), 1), fraction);
    const unusual = v128.or(i32x4.ge_u(below, v128.load(OWN, 16)), i32x4.eq(difference, zero));
    if (v128.any_true(unusual)) {
      const most = roundNaturalFew(values, numbers, 4, bias, top, smallest);
      if (most < 0) return most - <i32>i;
      largest = i32x4.max_s(largest, i32x4.splat(most));
    } else {
      place += 16;
      const rounded = i32x4.add(i32x4.add(below, v128.load(ONE)), i32x4.shr_u(difference, 31));
      largest = i32x4.max_s(largest, rounded);
      v128.store(numbers, v128.or(i32x4.shl(rounded, 1), i32x4.shr_u(high, 31)));
    }
  }
  const last = roundNaturalFew(values, numbers, count - full, bias, top, smallest);
  if (last < 0) return last - <i32>full;
  const half = i32x4.max_s(largest, v128.shuffle<i32>(largest, largest, 2, 3, 0, 1));
  return max(last, max(i32x4.extract_lane(half, 0), i32x4.extract_lane(half, 1)));
}

/** As {@link roundNatural}, one by one. */
function roundNaturalFew(values: usize, numbers: usize, count: u32, bias: i32, top: i32, smallest: f64): i32 {
  let largest = 0;
  for (let k: u32 = 0; k < count; k++, values += 8, numbers += 4) {
    const rounded = naturalExponent(load<f64>(values), bias, top, smallest);
    if (rounded < 0) return -1 - <i32>k;
    largest = max(largest, rounded);
    store<u32>(numbers, rounded === 0 ? 0 : (<u32>rounded << 1) | (load<u32>(values, 4) >>> 31));
  }
  return largest;
}

/** The biased exponent that x is rounded to; −1 when the next power of two is out of range, or x is not finite. */
function naturalExponent(x: f64, bias: i32, top: i32, smallest: f64): i32 {
  const bits = reinterpret<u64>(x);
  const exponent = <i32>((bits >>> 52) & 0x7ff) - 1023 + bias;
  if (exponent <= 0 || exponent >= top - 1) {
    const magnitude = abs(x);
    if (magnitude < smallest) return bit53(magnitude / smallest);
    return exponent === top - 1 && (bits << 12) === 0 ? top - 1 : -1;
  }
  const word = next();
  const difference = (word >>> 1) - (<u32>(bits >>> 21) & 0x7fffffff);
  if (difference !== 0) return exponent + <i32>(difference >>> 31);
  const last = <u32>(bits >>> 20) & 1;
  if ((word & 1) !== last) return exponent + <i32>((word & 1) < last);
  return exponent + <i32>(next() >>> 12 < (<u32>bits & 0xfffff));
}

/**
 * What numbers of {@link roundNatural} stand for, the exponents of which are biased by `bias`; none may be an infinity's. `twice`
 * as of turned().
 */
export function valuesOfNatural(numbers: usize, count: u32, values: usize, bias: i32, twice: u32): void {
  const shift = i32x4.splat((1023 - bias) << 20);
  const zero = i32x4.splat(0);
  for (const end = numbers + (<usize>count << 2); numbers < end; numbers += 16, values += 32) {
    const x = turned(v128.load(numbers), twice);
    const power = i32x4.add(i32x4.shl(i32x4.shr_u(x, 1), 20), shift);
    const high = v128.andnot(v128.or(power, i32x4.shl(x, 31)), i32x4.eq(x, zero));
    v128.store(values, v128.shuffle<i32>(zero, high, 0, 4, 0, 5));
    v128.store(values, v128.shuffle<i32>(zero, high, 0, 6, 0, 7), 16);
  }
}

/** u = |x| / scale · levels, and how it is rounded: down, and up with the probability of its fraction. */
// @ts-ignore: decorator of AssemblyScript
@inline
function inLevels(x: v128, scale: v128, levels: v128): v128 {
  return f64x2.mul(f64x2.div(f64x2.abs(x), scale), levels);
}

/**
 * Rounds `count` values (f64) to `levels` equal parts of `scale`, which none exceeds: numbers (u32) are level · 2 + sign, 0 for
 * level 0. There must be room for three values and three numbers more. Returns how many are not 0.
 */
export function roundUniform(values: usize, numbers: usize, count: u32, scale: f64, levels: f64): u32 {
  v128.store(OWN, f64x2.splat(scale));
  v128.store(OWN, f64x2.splat(levels), 16);
  const none = f64x2.splat(0);
  const zero = i32x4.splat(0);
  let zeros = zero;
  let kept: u32 = 0;
  const full = count & ~3;
  for (let i: u32 = 0; i < full; i += 4, values += 32, numbers += 16) {
    if (wordsEnd - place < 16) refill();
    const x = v128.load(values);
    const y = v128.load(values, 16);
    const u = inLevels(x, v128.load(OWN), v128.load(OWN, 16));
    const v = inLevels(y, v128.load(OWN), v128.load(OWN, 16));
    const below = f64x2.floor(u);
    const beneath = f64x2.floor(v);
    const p = f64x2.sub(u, below);
    const q = f64x2.sub(v, beneath);
    const exact = v128.or(f64x2.eq(p, none), f64x2.eq(q, none));
    const difference = i32x4.sub(i32x4.shr_u(v128.load(place), 1), digits31(p, q));
    if (v128.any_true(v128.or(exact, i32x4.eq(difference, zero)))) {
      kept += roundUniformFew(values, numbers, 4, scale, levels);
    } else {
      place += 16;
      const level = i32x4.add(words32(below, beneath), i32x4.shr_u(difference, 31));
      zeros = i32x4.sub(zeros, i32x4.eq(level, zero));
      v128.store(numbers, signed(level, highWords(x, y)));
      kept += 4;
    }
  }
  return kept - sum(zeros) + roundUniformFew(values, numbers, count - full, scale, levels);
}

/** As {@link roundUniform}, one by one. */
function roundUniformFew(values: usize, numbers: usize, count: u32, scale: f64, levels: f64): u32 {
  let kept: u32 = 0;
  for (let k: u32 = 0; k < count; k++, values += 8, numbers += 4) {
    const u = abs(load<f64>(values)) / scale * levels;
    const below = floor(u);
    const level = <u32>below + bit(u - below);
    if (level !== 0) kept++;
    store<u32>(numbers, level === 0 ? 0 : (level << 1) | (load<u32>(values, 4) >>> 31));
  }
  return kept;
}

/**
 * As {@link roundUniform}, to the levels 0 and 2^(level − levels) of `scale`.
 */
export function roundPowers(values: usize, numbers: usize, count: u32, scale: f64, levels: i32): u32 {
  const scales = f64x2.splat(scale);
  const none = f64x2.splat(0);
  const unit = f64x2.splat(1);
  const zero = i32x4.splat(0);
  const mask11 = i32x4.splat(0x7ff);
  const shift = i32x4.splat(levels - 1023);
  /** Exponent field of 2^(levels − level), at level 0. */
  const top = i32x4.splat(levels + 1023);
  const one = i32x4.splat(1);
  let zeros = zero;
  let kept: u32 = 0;
  const full = count & ~3;
  for (let i: u32 = 0; i < full; i += 4, values += 32, numbers += 16) {
    if (wordsEnd - place < 16) refill();
    const x = v128.load(values);
    const y = v128.load(values, 16);
    const r = f64x2.div(f64x2.abs(x), scales);
    const s = f64x2.div(f64x2.abs(y), scales);
    const exponent = v128.and(i32x4.shr_u(highWords(r, s), 20), mask11);
    const below = i32x4.max_s(i32x4.add(exponent, shift), zero);
    // the place between two levels: ratio / 2^(level − levels) − 1, and ratio / 2^(1 − levels) below level 1
    const field = i32x4.shl(i32x4.sub(top, i32x4.max_s(below, one)), 20);
    const whole = v128.and(i32x4.gt_s(below, zero), i32x4.splat(-1));
    const p = f64x2.sub(
      f64x2.mul(r, v128.shuffle<i32>(zero, field, 0, 4, 0, 5)),
      v128.and(unit, v128.shuffle<i32>(whole, whole, 0, 0, 1, 1)),
    );
    const q = f64x2.sub(
      f64x2.mul(s, v128.shuffle<i32>(zero, field, 0, 6, 0, 7)),
      v128.and(unit, v128.shuffle<i32>(whole, whole, 2, 2, 3, 3)),
    );
    const exact = v128.or(f64x2.eq(p, none), f64x2.eq(q, none));
    const difference = i32x4.sub(i32x4.shr_u(v128.load(place), 1), digits31(p, q));
    if (v128.any_true(v128.or(exact, i32x4.eq(difference, zero)))) {
      kept += roundPowersFew(values, numbers, 4, scale, levels);
    } else {
      place += 16;
      const level = i32x4.add(below, i32x4.shr_u(difference, 31));
      zeros = i32x4.sub(zeros, i32x4.eq(level, zero));
      v128.store(numbers, signed(level, highWords(x, y)));
      kept += 4;
    }
  }
  return kept - sum(zeros) + roundPowersFew(values, numbers, count - full, scale, levels);
}

/** As {@link roundPowers}, one by one. */
function roundPowersFew(values: usize, numbers: usize, count: u32, scale: f64, levels: i32): u32 {
  let kept: u32 = 0;
  for (let k: u32 = 0; k < count; k++, values += 8, numbers += 4) {
    const ratio = abs(load<f64>(values)) / scale;
    const below = max(<i32>(reinterpret<u64>(ratio) >>> 52) - 1023 + levels, 0);
    const power = reinterpret<f64>(<u64>(1023 + levels - max(below, 1)) << 52);
    const level = <u32>below + bit(ratio * power - (below > 0 ? 1 : 0));
    if (level !== 0) kept++;
    store<u32>(numbers, level === 0 ? 0 : (level << 1) | (load<u32>(values, 4) >>> 31));
  }
  return kept;
}

/** Four whole numbers in [0, 2³²), as u32: 2⁵² more has them in the low word. */
// @ts-ignore: decorator of AssemblyScript
@inline
function words32(x: v128, y: v128): v128 {
  const magic = v128.load(MAGIC);
  return lowWords(f64x2.add(x, magic), f64x2.add(y, magic));
}

/** The first 31 digits of four probabilities below 1. */
// @ts-ignore: decorator of AssemblyScript
@inline
function digits31(p: v128, q: v128): v128 {
  const unit = v128.load(DIGITS);
  return words32(f64x2.floor(f64x2.mul(p, unit)), f64x2.floor(f64x2.mul(q, unit)));
}

// @ts-ignore: decorator of AssemblyScript
@inline
function sum(x: v128): u32 {
  return (
    i32x4.extract_lane(x, 0) + i32x4.extract_lane(x, 1) + i32x4.extract_lane(x, 2) + i32x4.extract_lane(x, 3)
  );
}

/** What numbers of {@link roundUniform} stand for. Returns how many are not 0, or −1 when one is above `levels` or a zero with a sign. */
export function valuesOfUniform(numbers: usize, count: u32, values: usize, scale: f64, levels: f64): i32 {
  const scales = f64x2.splat(scale);
  const all = f64x2.splat(levels);
  const most = i32x4.splat(<i32>levels);
  const zero = i32x4.splat(0);
  const one = i32x4.splat(1);
  const stop = numbers + (<usize>count << 2);
  if (count & 3) fillUp(stop);
  let wrong = zero;
  let zeros = zero;
  for (; numbers < stop; numbers += 16, values += 32) {
    const x = v128.load(numbers);
    const level = i32x4.shr_u(x, 1);
    wrong = v128.or(wrong, v128.or(i32x4.gt_s(level, most), i32x4.eq(x, one)));
    zeros = i32x4.sub(zeros, i32x4.eq(level, zero));
    const sign = i32x4.shl(x, 31);
    // (±scale) · (level / levels)
    const a = v128.xor(scales, v128.shuffle<i32>(zero, sign, 0, 4, 0, 5));
    const b = v128.xor(scales, v128.shuffle<i32>(zero, sign, 0, 6, 0, 7));
    const upper = v128.shuffle<i32>(level, level, 2, 3, 2, 3);
    v128.store(values, f64x2.mul(a, f64x2.div(f64x2.convert_low_i32x4_s(level), all)));
    v128.store(values, f64x2.mul(b, f64x2.div(f64x2.convert_low_i32x4_s(upper), all)), 16);
  }
  if (v128.any_true(wrong)) return -1;
  return <i32>(((count + 3) & ~3) - sum(zeros));
}

/** As {@link valuesOfUniform}, of {@link roundPowers}. `twice` as of turned(). */
export function valuesOfPowers(
  numbers: usize,
  count: u32,
  values: usize,
  scale: f64,
  levels: i32,
  twice: u32,
): i32 {
  const scales = f64x2.splat(scale);
  const most = i32x4.splat(levels);
  const shift = i32x4.splat(1023 - levels);
  const zero = i32x4.splat(0);
  const one = i32x4.splat(1);
  const stop = numbers + (<usize>count << 2);
  if (count & 3) fillUp(stop);
  let wrong = zero;
  let zeros = zero;
  for (; numbers < stop; numbers += 16, values += 32) {
    const x = turned(v128.load(numbers), twice);
    const level = i32x4.shr_u(x, 1);
    const none = i32x4.eq(level, zero);
    wrong = v128.or(wrong, v128.or(i32x4.gt_s(level, most), i32x4.eq(x, one)));
    zeros = i32x4.sub(zeros, none);
    const power = v128.or(i32x4.shl(i32x4.add(level, shift), 20), i32x4.shl(x, 31));
    const high = v128.andnot(power, none);
    v128.store(values, f64x2.mul(scales, v128.shuffle<i32>(zero, high, 0, 4, 0, 5)));
    v128.store(values, f64x2.mul(scales, v128.shuffle<i32>(zero, high, 0, 6, 0, 7)), 16);
  }
  if (v128.any_true(wrong)) return -1;
  return <i32>(((count + 3) & ~3) - sum(zeros));
}

/** Zeros in the room for three numbers more. */
function fillUp(stop: usize): void {
  store<u32>(stop, 0);
  store<u32>(stop, 0, 4);
  store<u32>(stop, 0, 8);
}
