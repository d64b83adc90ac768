// AssemblyScript: compiled to WebAssembly by packages/build.js, called through src/adaptive-code.ts, which says what it is. A
// token is found by decisions 0, 1, 2, … "is it this one?". Probabilities are f64 numbers changed by +, −, × alone: equal on
// every engine.

/** As in src/tokens.ts. */
const SINGLE: u32 = 16;
const TOKENS: u32 = SINGLE + 2 * 27;

/** Classes of the sum of the two tokens before. */
const CLASSES: u32 = 8;
/** Sums from here on are of the last class. */
const SUMS: u32 = 19;
const CLASS_OF: usize = memory.data<u8>([0, 1, 2, 2, 3, 3, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 6, 7]);
/** Stands for the two tokens before the first. */
const START: u32 = 2;

/** Observations after which a probability forgets the oldest: fast for all tokens together, slow within a class. */
const FAST: u32 = 60;
const SLOW: u32 = 255;
/** f64 by observations: the step of a probability, of one within a class, and the share of the class's in the one used. */
const RATE: usize = memory.data(256 * 8, 16);
const RATE_IN_CLASS: usize = memory.data(256 * 8, 16);
const TRUST: usize = memory.data(256 * 8, 16);

/** Digits of a probability when it divides the interval. */
const PRECISION: i32 = 14;
const ONE: i32 = 1 << PRECISION;
/** The interval is counted in 31 bits. */
const MAX_VALUE: i32 = 0x7fffffff;
const LEAST_RANGE: i32 = 1 << 23;

// The model: probabilities (f64) and observations (u8) that a number's token is k, given that it is not below k. One estimate
// of all numbers and one of those after similar ones are averaged, the second as far as it has seen enough.
const ALL: usize = memory.data(TOKENS * 8, 16);
const SEEN: usize = memory.data(TOKENS, 16);
const OWN: usize = memory.data(CLASSES * TOKENS * 8, 16);
const OWN_SEEN: usize = memory.data(CLASSES * TOKENS, 16);

/** What `read` found wrong; 0 is nothing. As in src/adaptive-code.ts. */
const TOO_LARGE = 1;
const CUT_SHORT = 2;
const NOT_THE_CODE = 3;

for (let n: u32 = 0; n < 256; n++) {
  const place = <usize>n << 3;
  store<f64>(RATE + place, 1 / (<f64>n + 1.8));
  store<f64>(RATE_IN_CLASS + place, 1 / <f64>(n + 3));
  store<f64>(TRUST + place, <f64>n / <f64>(n + 20) / 2 + (n > 180 ? 0.25 : 0));
}

/** The first address that is free. */
export function base(): usize {
  return (__heap_base + 15) & ~15;
}

function reset(): void {
  for (let k: usize = 0; k < TOKENS; k++) store<f64>(ALL + (k << 3), 0.5);
  memory.fill(SEEN, 0, TOKENS);
  memory.fill(OWN_SEEN, 0, CLASSES * TOKENS);
}

// @ts-ignore: decorator of AssemblyScript
@inline
function tokenOf(magnitude: u32): u32 {
  if (magnitude < SINGLE) return magnitude;
  const octave = 31 - clz(magnitude);
  return SINGLE + 2 * (octave - 4) + ((magnitude >>> (octave - 1)) & 1);
}

/** Bits of a magnitude that its token does not say. */
// @ts-ignore: decorator of AssemblyScript
@inline
function extraBits(token: u32): u32 {
  return token < SINGLE ? 0 : ((token - SINGLE) >> 1) + 3;
}

// @ts-ignore: decorator of AssemblyScript
@inline
function leastOf(token: u32): u32 {
  return token < SINGLE ? token : (2 + ((token - SINGLE) & 1)) << (((token - SINGLE) >> 1) + 3);
}

/** Where the class of a number after `first` and `second` begins in the model. */
// @ts-ignore: decorator of AssemblyScript
@inline
function groupAfter(first: u32, second: u32): u32 {
  const sum = first + second;
  return TOKENS * (sum < SUMS ? <u32>load<u8>(CLASS_OF + sum) : CLASSES - 1);
}

/** The part of an interval that stands for "it is token k". */
// @ts-ignore: decorator of AssemblyScript
@inline
function boundOf(range: i32, k: u32, c: u32): i32 {
  const p = load<f64>(ALL + (<usize>k << 3));
  const own = load<f64>(OWN + (<usize>c << 3));
  const n = <usize>load<u8>(OWN_SEEN + c);
  const mixed = n === 0 ? p : p + (own - p) * load<f64>(TRUST + (n << 3));
  const scaled = <i32>(mixed * <f64>ONE);
  return (range >>> PRECISION) * min(max(scaled, 1), ONE - 1);
}

/** Learns that the token of a number in class place c is k, or is above it. */
// @ts-ignore: decorator of AssemblyScript
@inline
function learn(k: u32, c: u32, bit: f64): void {
  const p = load<f64>(ALL + (<usize>k << 3));
  const seen = <u32>load<u8>(SEEN + k);
  const after = p + (bit - p) * load<f64>(RATE + (<usize>seen << 3));
  store<f64>(ALL + (<usize>k << 3), after);
  store<u8>(SEEN + k, seen + (seen < FAST ? 1 : 0));
  const own = load<f64>(OWN + (<usize>c << 3));
  const n = <u32>load<u8>(OWN_SEEN + c);
  store<f64>(OWN + (<usize>c << 3), n === 0 ? after : own + (bit - own) * load<f64>(RATE_IN_CLASS + (<usize>n << 3)));
  store<u8>(OWN_SEEN + c, n + (n < SLOW ? 1 : 0));
}

/** Adds 1 to the number that the bytes before `at` are. The interval lies below 1, so that the carry ends within. */
function carry(at: usize): void {
  for (at--; load<u8>(at) === 0xff; at--) store<u8>(at, 0);
  store<u8>(at, load<u8>(at) + 1);
}

/**
 * Writes the code of `count` numbers (u32: magnitude · 2 + sign) to `out` and returns its length, or −1 when it would be more
 * than `limit`. There must be room for one number more.
 */
export function write(numbers: usize, count: u32, out: usize, limit: u32): i32 {
  reset();
  // the interval, and where the next byte goes
  let low: i32 = 0;
  let range = MAX_VALUE;
  let at = out;
  const last = out + limit;
  let before = START;
  let group = groupAfter(START, START);
  for (const stop = numbers + (<usize>count << 2); numbers < stop; numbers += 4) {
    const number = load<u32>(numbers);
    const magnitude = number >>> 1;
    const token = tokenOf(magnitude);
    for (let k: u32 = 0; k <= token; k++) {
      const bound = boundOf(range, k, group + k);
      if (k === token) {
        learn(k, group + k, 1);
        range = bound;
      } else {
        learn(k, group + k, 0);
        low += bound;
        range -= bound;
        if (low < 0) {
          low &= MAX_VALUE;
          carry(at);
        }
      }
      for (; range < LEAST_RANGE; range <<= 8) {
        store<u8>(at++, low >>> 23);
        low = (low << 8) & MAX_VALUE;
      }
    }
    group = groupAfter(token, before);
    before = token;
    if (magnitude !== 0) {
      // the sign, then the bits below a token of half an octave
      const extra = extraBits(token);
      const tail = ((number & 1) << extra) | (magnitude & ((1 << extra) - 1));
      for (let b = <i32>extra; b >= 0; b--) {
        range >>>= 1;
        if ((tail >>> b) & 1) low += range;
        if (low < 0) {
          low &= MAX_VALUE;
          carry(at);
        }
        if (range < LEAST_RANGE) {
          store<u8>(at++, low >>> 23);
          low = (low << 8) & MAX_VALUE;
          range <<= 8;
        }
      }
    }
    if (at > last) return -1;
  }
  // the fewest bytes all of whose continuations lie in the interval
  let free: f64 = LEAST_RANGE;
  let first = ceil(<f64>low / free) * free;
  while (first + free > <f64>low + <f64>range) {
    free /= 256;
    first = ceil(<f64>low / free) * free;
  }
  if (first > <f64>MAX_VALUE) carry(at);
  for (let place: f64 = LEAST_RANGE; place >= free; place /= 256) store<u8>(at++, <u32>(first / place));
  return at > last ? -1 : <i32>(at - out);
}

/**
 * Reads `count` numbers with magnitudes up to `largest` from the bytes [from, end), which must be all of it, and returns 0, or
 * what is wrong.
 */
export function read(from: usize, end: usize, numbers: usize, count: u32, largest: u32): u32 {
  reset();
  let at = from;
  let code: i32 = 0;
  let range = MAX_VALUE;
  /** The lowest bit of the byte last read, which 31 bits have no room for. */
  let half: i32 = 0;
  for (let k = 0; k < 4; k++, at++) {
    const byte = at < end ? <i32>load<u8>(at) : 0;
    code = ((code << 8) & MAX_VALUE) | (half << 7) | (byte >>> 1);
    half = byte & 1;
  }
  const longest = tokenOf(largest);
  let before = START;
  let group = groupAfter(START, START);
  for (const stop = numbers + (<usize>count << 2); numbers < stop; numbers += 4) {
    let token: u32 = 0;
    for (let found = false; ; token++) {
      if (token > longest) return TOO_LARGE;
      const bound = boundOf(range, token, group + token);
      found = code < bound;
      if (found) {
        learn(token, group + token, 1);
        range = bound;
      } else {
        learn(token, group + token, 0);
        code -= bound;
        range -= bound;
      }
      for (; range < LEAST_RANGE; range <<= 8, at++) {
        const byte = at < end ? <i32>load<u8>(at) : 0;
        code = (code << 8) | (half << 7) | (byte >>> 1);
        half = byte & 1;
      }
      if (found) break;
    }
    group = groupAfter(token, before);
    before = token;
    let number: u32 = 0;
    if (token !== 0) {
      const extra = extraBits(token);
      let tail: u32 = 0;
      for (let b = <i32>extra; b >= 0; b--) {
        range >>>= 1;
        const bit: u32 = code >= range ? 1 : 0;
        if (bit) code -= range;
        tail = (tail << 1) | bit;
        if (range < LEAST_RANGE) {
          const byte = at < end ? <i32>load<u8>(at) : 0;
          at++;
          code = (code << 8) | (half << 7) | (byte >>> 1);
          half = byte & 1;
          range <<= 8;
        }
      }
      const magnitude = leastOf(token) + (tail & ((1 << extra) - 1));
      if (magnitude > largest) return TOO_LARGE;
      number = (magnitude << 1) | (tail >>> extra);
    }
    store<u32>(numbers, number);
    // more than four bytes of nothing: whatever follows is not a code
    if (at > end + 4) return CUT_SHORT;
  }
  // the bytes must be those that `write` would have ended with: the first of the fewest in the interval
  if (at <= end || end <= from) return NOT_THE_CODE;
  let free: f64 = 0.5;
  for (let k = end; k < at; k++) free *= 256;
  const below = <f64>code - <f64>load<u8>(end - 1) * free;
  if (<f64>code >= free || <f64>code + free > <f64>range) return NOT_THE_CODE;
  return below + (below < 0 ? 512 : 256) * free <= <f64>range ? NOT_THE_CODE : 0;
}
