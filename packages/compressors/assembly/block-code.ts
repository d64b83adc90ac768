// The loops of src/block-code.ts, which says what the code is.
// Long: what writes and what reads must agree bit for bit, and are read side by side.

import { extraBits, leastOf, SINGLE, TOKENS, tokenOf, turned, turnedOne } from './tokens';

const PRECISION: u32 = 11;
const ONE: u32 = 1 << PRECISION;
const SYMBOLS: u32 = 2 * TOKENS;
const CLASSES: u32 = 4;
const LEAST: u32 = 1 << 15;

/** Counts of symbols (u32), four times, so that an addition seldom waits for the one before. */
const TALLY: usize = memory.data(4 * SYMBOLS * 4, 16);
/** By symbol: where the steps of the class after it are, u32. */
const AFTER: usize = memory.data(SYMBOLS * 4, 16);
/**
 * By class and symbol, for encoding: ⌊2⁴² / frequency⌋ + 1 (u64); 2²⁰ frequency, the states from which on a word is spilled (u32);
 * the sum of the frequencies before it; ONE − frequency (u16).
 */
const STEP_BYTES = 16;
const STEPS: usize = memory.data(CLASSES * SYMBOLS * 16, 16);
/** By class and the low bits of a state, for decoding, from the highest bit: frequency, place in it, symbol (12, 11 and 8 bits). */
const SLOTS: usize = memory.data(CLASSES * ONE * 4, 16);
/** Four states, u32. */
const STATES: usize = memory.data(16, 16);

export function states(): usize {
  return STATES;
}

/**
 * Lists the symbols (u8) of `count` numbers, `twice` as of turned(), and writes how many there are of each to `counts` (u32).
 * Appends what symbols do not say to the bits at `extra`; returns the number of bits there, which were `bits` before. There is
 * room for 8 bytes more.
 */
export function tokenise(
  numbers: usize,
  count: u32,
  twice: u32,
  symbols: usize,
  counts: usize,
  extra: usize,
  bits: u32,
): u32 {
  memory.fill(TALLY, 0, 4 * SYMBOLS * 4);
  const second = TALLY + SYMBOLS * 4;
  const third = second + SYMBOLS * 4;
  const fourth = third + SYMBOLS * 4;
  const coarse = i32x4.splat(2 * SINGLE - 1);
  const stop = numbers + (<usize>count << 2);
  let length = bits;
  for (; numbers + 16 <= stop; numbers += 16, symbols += 4) {
    const x = turned(v128.load(numbers), twice);
    if (!v128.any_true(i32x4.gt_u(x, coarse))) {
      const halves = i16x8.narrow_i32x4_u(x, x);
      v128.store32_lane(symbols, i8x16.narrow_i16x8_u(halves, halves), 0);
      inc(TALLY, i32x4.extract_lane(x, 0));
      inc(second, i32x4.extract_lane(x, 1));
      inc(third, i32x4.extract_lane(x, 2));
      inc(fourth, i32x4.extract_lane(x, 3));
    } else {
      for (let k: usize = 0; k < 4; k++) {
        length = tokeniseOne(turnedOne(load<u32>(numbers + (k << 2)), twice), symbols + k, extra, length);
      }
    }
  }
  for (; numbers < stop; numbers += 4, symbols++) length = tokeniseOne(turnedOne(load<u32>(numbers), twice), symbols, extra, length);
  for (let s: usize = 0; s < 4 * SYMBOLS; s += 16) {
    const first = i32x4.add(v128.load(TALLY + s), v128.load(second + s));
    v128.store(counts + s, i32x4.add(first, i32x4.add(v128.load(third + s), v128.load(fourth + s))));
  }
  return length;
}

// @ts-ignore: decorator of AssemblyScript
@inline
function inc(tally: usize, symbol: u32): void {
  const at = tally + (<usize>symbol << 2);
  store<u32>(at, load<u32>(at) + 1);
}

function tokeniseOne(number: u32, symbol: usize, extra: usize, bits: u32): u32 {
  const magnitude = number >>> 1;
  const token = tokenOf(magnitude);
  store<u8>(symbol, 2 * token + (number & 1));
  inc(TALLY, 2 * token + (number & 1));
  const more = extraBits(token);
  if (more === 0) return bits;
  const at = extra + (bits >>> 3);
  // the bits behind those that are there are 0
  const rest = <u64>(magnitude & ((1 << more) - 1)) << (bits & 7);
  store<u64>(at, (load<u64>(at) & ((1 << (bits & 7)) - 1)) | rest);
  return bits + more;
}

/** Counts `count` symbols by class and symbol (u32), by the classes that `limits` (three i32) make. */
export function countClasses(symbols: usize, count: u32, counts: usize, limits: usize): void {
  setClasses(limits, SYMBOLS * 4);
  let group: usize = counts;
  for (const stop = symbols + count; symbols < stop; symbols++) {
    const symbol = <usize>load<u8>(symbols) << 2;
    const at = group + symbol;
    store<u32>(at, load<u32>(at) + 1);
    group = counts + load<u32>(AFTER + symbol);
  }
}

/** Writes to AFTER `bytes` times the class that follows each symbol. */
function setClasses(limits: usize, bytes: u32): void {
  const first = load<u32>(limits);
  const second = load<u32>(limits, 4);
  const third = load<u32>(limits, 8);
  for (let s: u32 = 0; s < SYMBOLS; s++) {
    const token = s >> 1;
    const group = <u32>(token >= first) + <u32>(token >= second) + <u32>(token >= third);
    store<u32>(AFTER + (<usize>s << 2), group * bytes);
  }
}

/** Whether the limits of a plan leave more than one class. */
// @ts-ignore: decorator of AssemblyScript
@inline
function hasClasses(plan: usize): bool {
  return load<u32>(plan) < TOKENS || load<u32>(plan, 4) < TOKENS || load<u32>(plan, 8) < TOKENS;
}

/** Types that stand for one class and for four, so that each has loops of its own. */
type One = u8;
type Four = u16;

/** The step of a symbol whose run begins at `begin`. */
// @ts-ignore: decorator of AssemblyScript
@inline
function stepAt<C>(symbol: usize, begin: usize): usize {
  const at = STEPS + (<usize>load<u8>(symbol) << 4);
  if (sizeof<C>() === sizeof<One>()) return at;
  return symbol > begin ? at + load<u32>(AFTER + (<usize>load<u8>(symbol - 1) << 2)) : at;
}

// A step of encoding: spills a word when the state would not stay below 2³¹; x · ⌊2⁴²/f + 1⌋ / 2⁴² has the same whole part as
// x / f for x < 2³¹ and f ≤ 2¹¹, and stays below 2⁶³ for x < 2²⁰ f.

/** 2 where a word is spilled, else 0. */
// @ts-ignore: decorator of AssemblyScript
@inline
function spills(x: u32, at: usize): u32 {
  return ((load<u32>(at, 8) - 1 - x) >>> 31) << 1;
}

// @ts-ignore: decorator of AssemblyScript
@inline
function pushed(x: u32, at: usize): u32 {
  const rest = x >= load<u32>(at, 8) ? x >>> 16 : x;
  const quotient = <u32>((<u64>rest * load<u64>(at)) >>> 42);
  return rest + quotient * <u32>load<u16>(at, 14) + <u32>load<u16>(at, 12);
}

// @ts-ignore: decorator of AssemblyScript
@inline
function encodeRuns<C>(symbols: usize, count: u32, below: usize): usize {
  let a = load<u32>(STATES);
  let b = load<u32>(STATES, 4);
  let c = load<u32>(STATES, 8);
  let d = load<u32>(STATES, 12);
  let to = below;
  const run = <usize>count >> 2;
  const fourth = symbols + 3 * run;
  for (let from = symbols + count - 1; from >= fourth + run; from--) {
    const at = stepAt<C>(from, fourth);
    store<u16>(to - 2, d);
    to -= spills(d, at);
    d = pushed(d, at);
  }
  for (let from = symbols + run - 1; from >= symbols; from--) {
    let symbol = from + 3 * run;
    let at = stepAt<C>(symbol, fourth);
    store<u16>(to - 2, d);
    to -= spills(d, at);
    d = pushed(d, at);

    symbol -= run;
    at = stepAt<C>(symbol, symbols + 2 * run);
    store<u16>(to - 2, c);
    to -= spills(c, at);
    c = pushed(c, at);

    symbol -= run;
    at = stepAt<C>(symbol, symbols + run);
    store<u16>(to - 2, b);
    to -= spills(b, at);
    b = pushed(b, at);

    at = stepAt<C>(from, symbols);
    store<u16>(to - 2, a);
    to -= spills(a, at);
    a = pushed(a, at);
  }
  store<u32>(STATES, a);
  store<u32>(STATES, b, 4);
  store<u32>(STATES, c, 8);
  store<u32>(STATES, d, 12);
  return to;
}

/** Encodes `count` symbols by a plan, the last first. Words go below the address `below`; returns where they begin. */
export function encode(symbols: usize, count: u32, plan: usize, below: usize): usize {
  setClasses(plan, SYMBOLS * STEP_BYTES);
  const frequencies = plan + 12;
  let sum: u32 = 0;
  for (let k: usize = 0; k < CLASSES * SYMBOLS; k++) {
    const frequency = load<u32>(frequencies + (k << 2));
    if (frequency === 0) continue;
    const at = STEPS + (k << 4);
    store<u64>(at, (<u64>1 << 42) / frequency + 1);
    store<u32>(at, frequency << (31 - PRECISION), 8);
    store<u16>(at, sum & (ONE - 1), 12);
    store<u16>(at, ONE - frequency, 14);
    sum += frequency;
  }
  return hasClasses(plan) ? encodeRuns<Four>(symbols, count, below) : encodeRuns<One>(symbols, count, below);
}

/** The symbol before a run, which has class 0 after it: one that no code has. */
const BEFORE: u32 = 1;

/** The slot of a state after the symbol of another slot. */
// @ts-ignore: decorator of AssemblyScript
@inline
function slotAt<C>(x: u32, slot: u32): u32 {
  const at = SLOTS + (<usize>(x & (ONE - 1)) << 2);
  return load<u32>(sizeof<C>() === sizeof<One>() ? at : at + load<u32>(AFTER + (<usize>(slot & 0xff) << 2)));
}

/** A state after a symbol, before a word is shifted in. */
// @ts-ignore: decorator of AssemblyScript
@inline
function popped(x: u32, slot: u32): u32 {
  return (slot >>> 19) * (x >>> PRECISION) + ((slot >>> 8) & (ONE - 1));
}

/** 2 where a state is short of a word, else 0. */
// @ts-ignore: decorator of AssemblyScript
@inline
function words(x: u32): u32 {
  return ((x - LEAST) >>> 31) << 1;
}

// @ts-ignore: decorator of AssemblyScript
@inline
function refilled(x: u32, from: usize): u32 {
  const more = (x << 16) | <u32>load<u16>(from);
  return x < LEAST ? more : x;
}

// @ts-ignore: decorator of AssemblyScript
@inline
function decodeRuns<C>(symbols: usize, count: u32, from: usize): usize {
  let a = load<u32>(STATES);
  let b = load<u32>(STATES, 4);
  let c = load<u32>(STATES, 8);
  let d = load<u32>(STATES, 12);
  let slotA: u32 = BEFORE;
  let slotB: u32 = BEFORE;
  let slotC: u32 = BEFORE;
  let slotD: u32 = BEFORE;
  let next = from;
  const run = <usize>count >> 2;
  const end = symbols + run;
  for (let to = symbols; to < end; to++) {
    let at = to;
    slotA = slotAt<C>(a, slotA);
    store<u8>(at, slotA);
    a = popped(a, slotA);
    next = from + words(a);
    a = refilled(a, from);
    from = next;

    at += run;
    slotB = slotAt<C>(b, slotB);
    store<u8>(at, slotB);
    b = popped(b, slotB);
    next = from + words(b);
    b = refilled(b, from);
    from = next;

    at += run;
    slotC = slotAt<C>(c, slotC);
    store<u8>(at, slotC);
    c = popped(c, slotC);
    next = from + words(c);
    c = refilled(c, from);
    from = next;

    at += run;
    slotD = slotAt<C>(d, slotD);
    store<u8>(at, slotD);
    d = popped(d, slotD);
    next = from + words(d);
    d = refilled(d, from);
    from = next;
  }
  for (let at = symbols + 4 * run; at < symbols + count; at++) {
    slotD = slotAt<C>(d, slotD);
    store<u8>(at, slotD);
    d = popped(d, slotD);
    next = from + words(d);
    d = refilled(d, from);
    from = next;
  }
  store<u32>(STATES, a);
  store<u32>(STATES, b, 4);
  store<u32>(STATES, c, 8);
  store<u32>(STATES, d, 12);
  return from;
}

/**
 * Decodes `count` symbols by a plan. Words are taken from `next` on, two bytes a symbol at most; returns where the next one is.
 */
export function decode(symbols: usize, count: u32, plan: usize, next: usize): usize {
  setClasses(plan, ONE * 4);
  const classes = hasClasses(plan);
  const groups: u32 = classes ? CLASSES : 1;
  let frequency = plan + 12;
  let slot = SLOTS;
  for (let c: u32 = 0; c < groups; c++) {
    for (let s: u32 = 0; s < SYMBOLS; s++, frequency += 4) {
      const some = load<u32>(frequency);
      let entry = (some << 19) | s;
      for (const stop = slot + (some << 2); slot < stop; slot += 4, entry += 1 << 8) store<u32>(slot, entry);
    }
  }
  store<u32>(AFTER + 4 * BEFORE, 0);
  return classes ? decodeRuns<Four>(symbols, count, next) : decodeRuns<One>(symbols, count, next);
}

// What `numbersOf` found wrong, as −1, −2 and −3. As in src/block-code.ts.
const CUT_SHORT = 1;
const TOO_LARGE = 2;
const PADDED = 3;

/**
 * Turns `count` symbols into numbers, with the bits that they do not say, which begin at `extra` and may go up to `end`. Returns
 * the bytes that they are, or what is wrong, below 0. There is room for three numbers and symbols more, and 8 bytes after `end`.
 */
export function numbersOf(symbols: usize, count: u32, numbers: usize, extra: usize, end: usize, largest: u32): i32 {
  const coarse = i32x4.splat(2 * SINGLE - 1);
  let bit: u32 = 0;
  const limit = <u32>(end - extra) << 3;
  for (let i: u32 = 0; i < count; i += 4, numbers += 16) {
    const x = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(symbols + i)));
    v128.store(numbers, x);
    if (!v128.any_true(i32x4.gt_u(x, coarse))) continue;
    const stop = min(count - i, 4);
    for (let k: u32 = 0; k < stop; k++) {
      const symbol = <u32>load<u8>(symbols + i + k);
      if (symbol < 2 * SINGLE) continue;
      const bits = extraBits(symbol >> 1);
      if (bit + bits > limit) return -CUT_SHORT;
      const rest = <u32>(load<u64>(extra + (bit >>> 3)) >>> (bit & 7)) & ((1 << bits) - 1);
      bit += bits;
      const magnitude = leastOf(symbol >> 1) + rest;
      if (magnitude > largest) return -TOO_LARGE;
      store<u32>(numbers + (k << 2), (magnitude << 1) | (symbol & 1));
    }
  }
  if ((bit & 7) !== 0 && <u32>load<u8>(extra + (bit >>> 3)) >>> (bit & 7) !== 0) return -PADDED;
  return <i32>((bit + 7) >>> 3);
}
