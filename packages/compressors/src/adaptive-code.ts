import { ProtocolError } from './errors.js';
import { extraBits, leastOf, TOKENS, tokenOf } from './tokens.js';

// An adaptive binary range coder [G. N. N. Martin 1979; carries as in LZMA] for messages of small whole numbers, each with
// a sign unless it is zero. Nothing is learnt beforehand and nothing is sent but the code: a message of a thousand values
// costs about 1 % above its own entropy. Probabilities are f64 numbers changed by +, −, × alone: equal on every engine.

/** Classes of the sum of the two tokens before. */
const CLASSES = 8;
const CLASS_OF = Uint8Array.of(0, 1, 2, 2, 3, 3, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 6, 7);

/** Stands for the two tokens before the first. */
const START = 2;

/** Observations after which a probability forgets the oldest: fast for all tokens together, slow within a class. */
const FAST = 60;
const SLOW = 255;
const RATE = Float64Array.from({ length: SLOW + 1 }, (_, n) => 1 / (n + 1.8));
const RATE_IN_CLASS = Float64Array.from({ length: SLOW + 1 }, (_, n) => 1 / (n + 3));
/** Share of the class's own probability in the one used, by its observations. */
const TRUST = Float64Array.from({ length: SLOW + 1 }, (_, n) => n / (n + 20) / 2 + (n > 180 ? 0.25 : 0));

/** Digits of a probability when it divides the interval. */
const PRECISION = 14;
const ONE = 1 << PRECISION;
/** The interval is counted in 31 bits, so that every number here is a 32-bit integer with a sign: V8 is slower with others. */
const MOST = 0x7fffffff;
const LEAST_RANGE = 2 ** 23;
/** Bytes that one number can take at most: all its decisions at their least probability. */
const LONGEST = Math.ceil((TOKENS * (PRECISION + 1) + 32) / 8) + 8;

/**
 * Probabilities that a number's token is k, given that it is not below k: decisions 0, 1, 2, … until the token is reached.
 * One estimate of all numbers and one of those after similar ones are averaged, the second as far as it has seen enough.
 */
class Model {
  /** By k. */
  readonly all = new Float64Array(TOKENS);
  readonly seen = new Uint8Array(TOKENS);
  /** By class, then k. */
  readonly own = new Float64Array(CLASSES * TOKENS);
  readonly ownSeen = new Uint8Array(CLASSES * TOKENS);

  reset(): void {
    this.all.fill(0.5);
    this.seen.fill(0);
    this.ownSeen.fill(0);
  }
}

/** Where the class of a number after `first` and `second` begins. */
function classAt(first: number, second: number): number {
  const sum = first + second;
  return TOKENS * (sum < CLASS_OF.length ? CLASS_OF[sum] : CLASSES - 1);
}

/**
 * Codes lists of signed whole numbers below 2³¹. A list's code is the shortest byte string that stands for its interval
 * alone: no code begins another one for as many numbers, so that a truncated or an extended code is always found out. A
 * list has one code only.
 */
export class AdaptiveCode {
  readonly #model = new Model();
  #buffer = new Uint8Array(1024);

  /**
   * Writes `count` numbers, each magnitude · 2 + (1 when negative), zero being 0, to `out` from `at` and returns the number
   * of bytes, or −1, with `out` as it was, when they would be more than `limit`.
   */
  write(numbers: Uint32Array, count: number, out: Uint8Array, at: number, limit: number): number {
    if (this.#buffer.length < limit + LONGEST) this.#buffer = new Uint8Array(limit + LONGEST);
    const buffer = this.#buffer;
    this.#model.reset();
    const { all, seen, own, ownSeen } = this.#model;
    let before = START;
    let group = classAt(START, START);
    let low = 0;
    let range = MOST;
    let to = 0;
    for (let i = 0; i < count; i++) {
      const magnitude = numbers[i] >>> 1;
      const token = tokenOf(magnitude);
      for (let k = 0; k <= token; k++) {
        // as in `read`, which must do the same to the last bit
        const c = group + k;
        const n = ownSeen[c];
        const p = all[k];
        const mixed = n === 0 ? p : p + (own[c] - p) * TRUST[n];
        const scaled = (mixed * ONE) | 0;
        const bound = Math.imul(range >>> PRECISION, scaled < 1 ? 1 : scaled < ONE ? scaled : ONE - 1);
        const bit = k === token ? 1 : 0;
        const after = p + (bit - p) * RATE[seen[k]];
        all[k] = after;
        if (seen[k] < FAST) seen[k]++;
        if (n === 0) own[c] = after;
        else own[c] += (bit - own[c]) * RATE_IN_CLASS[n];
        if (n < SLOW) ownSeen[c] = n + 1;
        if (bit === 1) {
          range = bound;
        } else {
          low = (low + bound) | 0;
          range = (range - bound) | 0;
          if (low < 0) {
            low &= MOST;
            carry(buffer, to);
          }
        }
        while (range < LEAST_RANGE) {
          buffer[to++] = low >>> 23;
          low = (low << 8) & MOST;
          range <<= 8;
        }
      }
      group = classAt(token, before);
      before = token;
      const extra = extraBits(token);
      // the sign, then the bits below a token of half an octave
      const bits = magnitude === 0 ? 0 : extra + 1;
      const tail = ((numbers[i] & 1) << extra) | (magnitude & ((1 << extra) - 1));
      for (let b = bits - 1; b >= 0; b--) {
        range >>>= 1;
        if ((tail >>> b) & 1) low = (low + range) | 0;
        if (low < 0) {
          low &= MOST;
          carry(buffer, to);
        }
        if (range < LEAST_RANGE) {
          buffer[to++] = low >>> 23;
          low = (low << 8) & MOST;
          range <<= 8;
        }
      }
      if (to > limit) return -1;
    }
    // the fewest bytes all of whose continuations lie in the interval
    for (let free = LEAST_RANGE; ; free /= 256) {
      const first = Math.ceil(low / free) * free;
      if (first + free > low + range) continue;
      if (first > MOST) carry(buffer, to);
      for (let place = LEAST_RANGE; place >= free; place /= 256) buffer[to++] = Math.floor(first / place);
      break;
    }
    if (to > limit) return -1;
    out.set(buffer.subarray(0, to), at);
    return to;
  }

  /**
   * Reads `count` numbers with magnitudes up to `largest` from `bytes[at … end)`, which must be all of it.
   * @throws ProtocolError
   */
  read(bytes: Uint8Array, at: number, end: number, numbers: Uint32Array, count: number, largest: number): void {
    this.#model.reset();
    const { all, seen, own, ownSeen } = this.#model;
    let before = START;
    let group = classAt(START, START);
    let from = at;
    let code = 0;
    /** The lowest bit of the byte last read, which 31 bits have no room for. */
    let half = 0;
    for (let k = 0; k < 4; k++, from++) {
      const byte = from < end ? bytes[from] : 0;
      code = ((code << 8) & MOST) | (half << 7) | (byte >>> 1);
      half = byte & 1;
    }
    let range = MOST;
    const longest = tokenOf(largest);
    for (let i = 0; i < count; i++) {
      let token = 0;
      for (; ; token++) {
        if (token > longest) throw new ProtocolError(`a coded number is above ${largest}`);
        const c = group + token;
        const n = ownSeen[c];
        const p = all[token];
        const mixed = n === 0 ? p : p + (own[c] - p) * TRUST[n];
        const scaled = (mixed * ONE) | 0;
        const bound = Math.imul(range >>> PRECISION, scaled < 1 ? 1 : scaled < ONE ? scaled : ONE - 1);
        const bit = code < bound ? 1 : 0;
        const after = p + (bit - p) * RATE[seen[token]];
        all[token] = after;
        if (seen[token] < FAST) seen[token]++;
        if (n === 0) own[c] = after;
        else own[c] += (bit - own[c]) * RATE_IN_CLASS[n];
        if (n < SLOW) ownSeen[c] = n + 1;
        if (bit === 1) {
          range = bound;
        } else {
          code = (code - bound) | 0;
          range = (range - bound) | 0;
        }
        while (range < LEAST_RANGE) {
          const byte = from < end ? bytes[from] : 0;
          from++;
          code = (code << 8) | (half << 7) | (byte >>> 1);
          half = byte & 1;
          range <<= 8;
        }
        if (bit === 1) break;
      }
      group = classAt(token, before);
      before = token;
      if (token === 0) {
        numbers[i] = 0;
      } else {
        const extra = extraBits(token);
        let tail = 0;
        for (let b = extra; b >= 0; b--) {
          range >>>= 1;
          const bit = code >= range ? 1 : 0;
          if (bit === 1) code = (code - range) | 0;
          tail = (tail << 1) | bit;
          if (range < LEAST_RANGE) {
            const byte = from < end ? bytes[from] : 0;
            from++;
            code = (code << 8) | (half << 7) | (byte >>> 1);
            half = byte & 1;
            range <<= 8;
          }
        }
        const magnitude = leastOf(token) + (tail & ((1 << extra) - 1));
        if (magnitude > largest) throw new ProtocolError(`a coded number is ${magnitude}, above ${largest}`);
        numbers[i] = ((magnitude << 1) | (tail >>> extra)) >>> 0;
      }
      // more than four bytes of nothing: whatever follows is not a code
      if (from > end + 4) throw new ProtocolError('the payload ends within its code');
    }
    // the bytes must be those that `write` would have ended with: the first of the fewest in the interval
    const missing = from - end;
    const free = 256 ** missing / 2;
    const last = missing < 1 || end <= at ? 0 : bytes[end - 1] * free;
    const below = code - last;
    if (
      missing < 1 ||
      end <= at ||
      code >= free ||
      code + free > range ||
      (below < 0 ? below + 512 * free : below + 256 * free) <= range
    ) {
      throw new ProtocolError(`a code of ${end - at} bytes is not that of ${count} numbers`);
    }
  }
}

/** Adds 1 to the number that buffer[0 … to) is. The interval lies below 1, so that the carry ends within. */
function carry(buffer: Uint8Array, to: number): void {
  let at = to - 1;
  while (buffer[at] === 0xff) buffer[at--] = 0;
  buffer[at]++;
}
