// An adaptive range asymmetric numeral system [J. Duda 2013]: called through src/adaptive-code.ts, which says what it is for. A
// number is its token and a sign. A token is one of sixteen symbols, of which the last says that it is larger and another one
// follows. The sums of probabilities of all sixteen are two vectors, which are mixed, compared and changed at once, in integers.
// Long: one code: its model, its writer and its reader must agree bit for bit.

import { extraBits, leastOf, tokenOf, turnedOne } from './tokens';

/** Symbols below this stand for a token; this one for all that are larger. */
const MORE: u32 = 15;
/** A state moves in words of 16 bits: it is from LEAST to 2³¹ − 1, and a step divides LEAST. */
const LEAST: u32 = 1 << 15;
const STEP_BITS: u32 = 15;
/** The signs of this many numbers, the last ones, are not in their steps: the state begins with them. */
const LAST: u32 = 30;
/** Bytes of a step in the list of an encoder. One number takes seven at most: five symbols and two of plain bits. */
const LISTED_BYTES = 16;

// A sum of probabilities, that a symbol is at most this one, is in units of 2⁻¹⁶: 16 of u16. The last is 1 always, and stands
// as 0. What is coded is in units of 2⁻¹⁴, of which every symbol has one for itself.

/** How an estimate moves by the numbers that it has seen, and what part it has beside that of all numbers: */
const STAGE_BYTES = 80;
/** two masks that choose it, in the first and in the second of two averages; what a sum gains in a step; the step, a shift. */
const STAGES: usize = memory.data(192 * STAGE_BYTES, 16);
const MASK: usize = 0;
const SECOND: usize = 16;
const FULL: usize = 32;
/** The same of the upper eight sums, of which the last never moves. */
const FULL_HIGH: usize = 48;
const SHIFT: usize = 64;
/** Numbers after which an estimate moves no slower: soon for all numbers together, late within a class. */
const FAST: u32 = 44;
const FAST_SHIFT: u32 = 6;
const SLOW: u32 = 188;

const CLASSES = 8;
/** By the sum of the two tokens before: where its class is, u16. */
const CLASS_OF: usize = memory.data(140 * 2, 16);
/** Stands for the two tokens before the first. */
const START: u32 = 2;
/** A class: 16 sums, the two masks of its stage, and the stage (u32). Further symbols have the same. */
const OWN_BYTES = 80;
const STAGE: usize = 64;
const OWN: usize = memory.data(CLASSES * OWN_BYTES, 16);
const FURTHER_LEVELS = 4;
const FURTHER: usize = memory.data(FURTHER_LEVELS * OWN_BYTES, 16);
/** The sums that a list begins with. */
const PRIOR: usize = memory.data(32, 16);
/** 16 times 0 and 16 times −1: the symbols from one on. */
const FROM: usize = memory.data(64, 16);
/** 1 to 15, and all that is coded; and eight times 1: i16. */
const ONES: usize = memory.data<i16>([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16384], 16);
const UNIT: usize = memory.data<i16>([1, 1, 1, 1, 1, 1, 1, 1], 16);
/** 0, and the sums of the symbols up to each, as they are coded: u16. */
const BELOW: usize = memory.data(48, 16);
const SUMS: usize = BELOW + 16;

/** What `read` found wrong; 0 is nothing. As in src/adaptive-code.ts. */
const TOO_LARGE = 1;
const CUT_SHORT = 2;
const NOT_THE_CODE = 3;

prepare();

function prepare(): void {
  for (let n: u32 = 0; n <= SLOW; n++) {
    const at = STAGES + n * STAGE_BYTES;
    const shift = 2 + <u32>(n >= 3) + <u32>(n >= 9) + <u32>(n >= 20) + <u32>(n >= 44) + <u32>(n >= 92) + <u32>(n >= 188);
    // not at all, a quarter, a half, three quarters
    const first = (n >= 4 && n < 40) || n >= 180;
    v128.store(at, i16x8.splat(first ? -1 : 0), MASK);
    v128.store(at, i16x8.splat(n >= 40 ? -1 : 0), SECOND);
    const full = i16x8.splat(<i16>((0x10000 >> shift) + 1));
    v128.store(at, full, FULL);
    v128.store(at, i16x8.replace_lane(full, 7, 0), FULL_HIGH);
    store<u32>(at, shift, SHIFT);
  }
  // classes of sums: 0, 1, 2–3, 4–5, 6–8, 9–12, 13–17, more
  for (let s: u32 = 0; s < 140; s++) {
    const c: u32 = <u32>(s > 0) + <u32>(s > 1) + <u32>(s > 3) + <u32>(s > 5) + <u32>(s > 8) + <u32>(s > 12) + <u32>(s > 17);
    store<u16>(CLASS_OF + 2 * s, <u16>(c * OWN_BYTES));
  }
  // each symbol has 22 % of what those before it have left
  let left: f64 = 1;
  for (let k: u32 = 0; k < MORE; k++) {
    left *= 0.78;
    store<u16>(PRIOR + 2 * k, <u16>(65535 * (1 - left) + 0.5));
  }
  for (let k: usize = 16; k < 32; k++) store<u16>(FROM + 2 * k, 0xffff);
}

function reset(): void {
  for (let c = 0; c < CLASSES; c++) begin(OWN + c * OWN_BYTES);
  for (let l = 0; l < FURTHER_LEVELS; l++) begin(FURTHER + l * OWN_BYTES);
}

function begin(at: usize): void {
  v128.store(at, v128.load(PRIOR));
  v128.store(at, v128.load(PRIOR, 16), 16);
  v128.store(at, v128.load(STAGES, MASK), 32);
  v128.store(at, v128.load(STAGES, SECOND), 48);
  store<u32>(at, <u32>STAGES, STAGE);
}

/** Sums as they are coded: a part of 1 − 2⁻¹⁰ of them, and 1 for each symbol. */
// @ts-ignore: decorator of AssemblyScript
@inline
function scaled(sums: v128, ones: v128): v128 {
  return i16x8.add(i16x8.sub(i16x8.shr_u(sums, 2), i16x8.shr_u(sums, 12)), ones);
}

// Constants are loaded: V8 would put each of them together anew in every round, in three or four instructions.

// @ts-ignore: decorator of AssemblyScript
@inline
function lowOnes(): v128 {
  return v128.load(ONES);
}

// @ts-ignore: decorator of AssemblyScript
@inline
function highOnes(): v128 {
  return v128.load(ONES, 16);
}

/** Averages of the sums of all numbers and those of a class, as its masks say. */
// @ts-ignore: decorator of AssemblyScript
@inline
function mixed(all: v128, own: v128, first: v128, second: v128): v128 {
  return i16x8.avgr_u(i16x8.avgr_u(all, v128.bitselect(own, all, first)), v128.bitselect(own, all, second));
}

/** Sums after a number whose symbol is the first of `reached`: nearer to 1 there, nearer to 0 below. */
// @ts-ignore: decorator of AssemblyScript
@inline
function moved(sums: v128, shift: u32, full: v128, reached: v128): v128 {
  // it comes to 0 and to 1, and does not stop a step before
  const less = i16x8.sub_sat_u(i16x8.sub(sums, i16x8.shr_u(sums, shift)), v128.load(UNIT));
  return i16x8.add_sat_u(less, v128.and(reached, full));
}

/** What a class, or a further symbol, has learnt after one number more. */
// @ts-ignore: decorator of AssemblyScript
@inline
function learn(at: usize, own0: v128, own1: v128, reached0: v128, reached1: v128, slowest: u32): void {
  const stage = <usize>load<u32>(at, STAGE);
  const shift = load<u32>(stage, SHIFT);
  const full = v128.load(stage, FULL);
  v128.store(at, moved(own0, shift, full, reached0));
  v128.store(at, moved(own1, shift, v128.load(stage, FULL_HIGH), reached1), 16);
  const next = stage + (stage < STAGES + slowest * STAGE_BYTES ? <usize>STAGE_BYTES : 0);
  v128.store(at, v128.load(next, MASK), 32);
  v128.store(at, v128.load(next, SECOND), 48);
  store<u32>(at, <u32>next, STAGE);
}

/** The sums of further symbol `at`, as they are coded, to SUMS. */
function prepareFurther(at: usize): void {
  v128.store(SUMS, scaled(v128.load(at), lowOnes()));
  v128.store(SUMS, scaled(v128.load(at, 16), highOnes()), 16);
}

function learnFurther(at: usize, symbol: u32): void {
  const from = FROM + ((16 - <usize>symbol) << 1);
  learn(at, v128.load(at), v128.load(at, 16), v128.load(from), v128.load(from, 16), FAST);
}

/**
 * Lists a step of encoding: 1 more than 2⁴⁷ / width, rounded (u64), width and start (u32). For a state x < 2¹⁶ width that times x,
 * below 2⁶⁴, has the same whole part in units of 2⁴⁷ as x / width: it is too large by less than 2⁻¹⁵.
 */
// @ts-ignore: decorator of AssemblyScript
@inline
function list(step: usize, start: u32, width: u32): void {
  // 2⁵² more has a whole number in its low bits: the nearest one
  const magic: f64 = 4503599627370496;
  store<u64>(step, reinterpret<u64>(140737488355328.0 / <f64>width + magic) - reinterpret<u64>(magic) + 1);
  store<u32>(step, width, 8);
  store<u32>(step, start, 12);
}

/**
 * Writes the code of `count` numbers (u32: magnitude · 2 + sign; `twice` as of turned()) so that it ends at `end`, and returns
 * its length, or −1 when it would be more than `limit`. `steps` is room for seven steps a number and one more; below `end`
 * there is room for `limit` bytes and 4 more.
 */
export function write(numbers: usize, count: u32, twice: u32, steps: usize, end: usize, limit: u32): i32 {
  if (count === 0) return 0;
  reset();
  let step = steps;
  let all0 = v128.load(PRIOR);
  let all1 = v128.load(PRIOR, 16);
  let stage = STAGES;
  let before = START;
  let own = OWN + <usize>load<u16>(CLASS_OF + 4 * START);
  // signs of the last numbers, and how many there are
  let signs: u32 = 0;
  let signed: u32 = 0;
  for (let left = count; left > 0; left--, numbers += 4) {
    const number = turnedOne(load<u32>(numbers), twice);
    const magnitude = number >>> 1;
    const token = tokenOf(magnitude);
    const symbol = min(token, MORE);
    const own0 = v128.load(own);
    const own1 = v128.load(own, 16);
    const first = v128.load(own, 32);
    const second = v128.load(own, 48);
    v128.store(SUMS, scaled(mixed(all0, own0, first, second), lowOnes()));
    v128.store(SUMS, scaled(mixed(all1, own1, first, second), highOnes()), 16);
    const from = FROM + ((16 - <usize>symbol) << 1);
    const reached0 = v128.load(from);
    const reached1 = v128.load(from, 16);
    if (stage < STAGES + FAST * STAGE_BYTES) {
      const shift = load<u32>(stage, SHIFT);
      all0 = moved(all0, shift, v128.load(stage, FULL), reached0);
      all1 = moved(all1, shift, v128.load(stage, FULL_HIGH), reached1);
      stage += STAGE_BYTES;
    } else {
      all0 = moved(all0, FAST_SHIFT, v128.load(stage, FULL), reached0);
      all1 = moved(all1, FAST_SHIFT, v128.load(stage, FULL_HIGH), reached1);
    }
    learn(own, own0, own1, reached0, reached1, SLOW);
    own = OWN + <usize>load<u16>(CLASS_OF + ((<usize>before + token) << 1));
    before = token;
    const low = <u32>load<u16>(SUMS + (<usize>symbol << 1) - 2);
    const width = <u32>load<u16>(SUMS + (<usize>symbol << 1)) - low;
    const sign = number & 1;
    if (left > LAST) {
      const joint = <u32>(token > 0);
      list(step, 2 * low + (sign ? width : 0), width << (1 - joint));
    } else {
      signs |= sign << signed;
      signed += <u32>(token > 0);
      list(step, 2 * low, 2 * width);
    }
    step += LISTED_BYTES;
    if (token >= MORE) step = writeFurther(token, magnitude, step);
  }
  let x = LEAST | (signs & (LEAST - 1));
  if (signed > STEP_BITS) {
    list(step, (signs >>> STEP_BITS) << (2 * STEP_BITS - signed), 1 << (2 * STEP_BITS - signed));
    step += LISTED_BYTES;
  }
  let to = end;
  const lowest = end - limit;
  while (step > steps) {
    step -= LISTED_BYTES;
    const width = load<u32>(step, 8);
    // a word is spilled when the state would not stay below 2³¹
    store<u16>(to - 2, x);
    to -= (((width << 16) - 1 - x) >>> 31) << 1;
    x = x >= width << 16 ? x >>> 16 : x;
    const quotient = <u32>((<u64>x * load<u64>(step)) >>> 47);
    x += quotient * (LEAST - width) + load<u32>(step, 12);
    if (to < lowest) return -1;
  }
  // the state first, in three bytes or four
  const length = x < 1 << 23 ? 3 : 4;
  to -= length;
  if (to < lowest) return -1;
  const state = (x << 1) | <u32>(length === 4);
  for (let b: u32 = 0; b < <u32>length; b++) store<u8>(to + b, state >>> (8 * b));
  return <i32>(end - to);
}

/**
 * Lists the steps of a token from MORE on, but for its first, and of the bits that it does not say. Exported, as readFurther, lest it
 * be put into the loop, whose variables would then not stay in registers.
 */
export function writeFurther(token: u32, magnitude: u32, step: usize): usize {
  let at = FURTHER;
  for (let rest = token - MORE; ; rest -= MORE, at += OWN_BYTES) {
    const symbol = min(rest, MORE);
    prepareFurther(at);
    const low = <u32>load<u16>(SUMS + (<usize>symbol << 1) - 2);
    list(step, 2 * low, 2 * (<u32>load<u16>(SUMS + (<usize>symbol << 1)) - low));
    step += LISTED_BYTES;
    learnFurther(at, symbol);
    if (symbol < MORE) break;
  }
  const extra = extraBits(token);
  for (let got: u32 = 0; got < extra; got += STEP_BITS, step += LISTED_BYTES) {
    const bits = min(extra - got, STEP_BITS);
    const rest = (magnitude >>> got) & ((1 << bits) - 1);
    list(step, rest << (STEP_BITS - bits), 1 << (STEP_BITS - bits));
  }
  return step;
}

// The state of `read` that readFurther changes.
let state: u32 = 0;
let from: usize = 0;

/** Takes the part [start, start + width) off the state, and a word when it is short of one. */
function take(start: u32, width: u32): void {
  state = width * (state >>> STEP_BITS) + (state & (LEAST - 1)) - start;
  if (state < LEAST) {
    state = (state << 16) | <u32>load<u16>(from);
    from += 2;
  }
}

/** Takes `bits` plain bits. */
function takeBits(bits: u32): u32 {
  const width: u32 = 1 << (STEP_BITS - bits);
  const value = (state & (LEAST - 1)) >>> (STEP_BITS - bits);
  take(value * width, width);
  return value;
}

/** Goes on with a token that is MORE at least. May return one that there is not. */
export function readFurther(): u32 {
  let token = MORE;
  for (let at = FURTHER; at < FURTHER + FURTHER_LEVELS * OWN_BYTES; at += OWN_BYTES) {
    prepareFurther(at);
    const place = (state & (LEAST - 1)) >>> 1;
    let symbol: u32 = 0;
    while (<u32>load<u16>(SUMS + (<usize>symbol << 1)) <= place) symbol++;
    const low = <u32>load<u16>(SUMS + (<usize>symbol << 1) - 2);
    take(2 * low, 2 * (<u32>load<u16>(SUMS + (<usize>symbol << 1)) - low));
    learnFurther(at, symbol);
    token += symbol;
    if (symbol < MORE) break;
  }
  return token;
}

/**
 * Reads `count` numbers with magnitudes up to `largest` from the bytes [begin, end), which must be all of it, and returns 0, or
 * what is wrong. 32 bytes after them may be read too.
 */
export function read(begin: usize, end: usize, numbers: usize, count: u32, largest: u32): u32 {
  if (count === 0) return begin === end ? 0 : NOT_THE_CODE;
  if (end < begin + 3) return CUT_SHORT;
  const four = load<u8>(begin) & 1;
  let x = (four ? load<u32>(begin) : load<u32>(begin) & 0xffffff) >>> 1;
  const fewest: u32 = four ? 1 << 23 : LEAST;
  if (x < fewest) return NOT_THE_CODE;
  let at = begin + 3 + four;
  reset();
  const longest = tokenOf(largest);
  let all0 = v128.load(PRIOR);
  let all1 = v128.load(PRIOR, 16);
  let stage = STAGES;
  let before = START;
  let own = OWN + <usize>load<u16>(CLASS_OF + 4 * START);
  const begun = numbers;
  for (let left = count; left > 0; left--, numbers += 4) {
    const own0 = v128.load(own);
    const own1 = v128.load(own, 16);
    const first = v128.load(own, 32);
    const second = v128.load(own, 48);
    const sums0 = scaled(mixed(all0, own0, first, second), lowOnes());
    const sums1 = scaled(mixed(all1, own1, first, second), highOnes());
    v128.store(SUMS, sums0);
    v128.store(SUMS, sums1, 16);
    const slot = x & (LEAST - 1);
    const place = i16x8.splat(<i16>(slot >>> 1));
    const reached0 = i16x8.gt_s(sums0, place);
    const reached1 = i16x8.gt_s(sums1, place);
    let token: u32 = ctz(i8x16.bitmask(i8x16.narrow_i16x8_s(reached0, reached1)));
    const low = <u32>load<u16>(SUMS + (<usize>token << 1) - 2);
    const width = <u32>load<u16>(SUMS + (<usize>token << 1)) - low;
    const within = slot - 2 * low;
    const joint = <u32>(left > LAST) & <u32>(token > 0);
    const sign = joint & <u32>(within >= width);
    x = (width << (1 - joint)) * (x >>> STEP_BITS) + within - (sign ? width : 0);
    const next = at + (((x - LEAST) >>> 31) << 1);
    const refilled = (x << 16) | <u32>load<u16>(at);
    x = x < LEAST ? refilled : x;
    at = next;

    if (stage < STAGES + FAST * STAGE_BYTES) {
      const shift = load<u32>(stage, SHIFT);
      all0 = moved(all0, shift, v128.load(stage, FULL), reached0);
      all1 = moved(all1, shift, v128.load(stage, FULL_HIGH), reached1);
      stage += STAGE_BYTES;
    } else {
      all0 = moved(all0, FAST_SHIFT, v128.load(stage, FULL), reached0);
      all1 = moved(all1, FAST_SHIFT, v128.load(stage, FULL_HIGH), reached1);
    }
    learn(own, own0, own1, reached0, reached1, SLOW);
    let magnitude = token;
    if (token === MORE) {
      state = x;
      from = at;
      token = readFurther();
      if (token > longest) return TOO_LARGE;
      magnitude = leastOf(token);
      const extra = extraBits(token);
      for (let got: u32 = 0; got < extra; got += STEP_BITS) magnitude += takeBits(min(extra - got, STEP_BITS)) << got;
      x = state;
      at = from;
    }
    if (magnitude > largest) return TOO_LARGE;
    own = OWN + <usize>load<u16>(CLASS_OF + ((<usize>before + token) << 1));
    before = token;
    store<u32>(numbers, (magnitude << 1) | sign);
    // whatever follows is not a code
    if (at > end) return CUT_SHORT;
  }
  // the signs of the last numbers
  const last = begun + (<usize>(count - min(count, LAST)) << 2);
  let signed: u32 = 0;
  for (let n = last; n < numbers; n += 4) signed += <u32>(load<u32>(n) > 0);
  let signs: u32 = 0;
  if (signed > STEP_BITS) {
    state = x;
    from = at;
    signs = takeBits(signed - STEP_BITS) << STEP_BITS;
    x = state;
    at = from;
  }
  // it must end as encoding began
  if (at !== end) return at > end ? CUT_SHORT : NOT_THE_CODE;
  signs |= x & (LEAST - 1);
  if (x >>> STEP_BITS !== 1 || signs >>> signed !== 0) return NOT_THE_CODE;
  for (let n = last; n < numbers; n += 4) {
    const number = load<u32>(n);
    if (number === 0) continue;
    store<u32>(n, number | (signs & 1));
    signs >>>= 1;
  }
  return 0;
}
