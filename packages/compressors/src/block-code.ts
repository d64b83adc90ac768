// Long: one code: its plan, its encoder and its decoder must agree bit for bit, and are read side by side.

import { getU32, putU32 } from '@flotilla/core/internal';
import { AdaptiveCode } from './adaptive-code.js';
import { ProtocolError } from './errors.js';
import { extraBits, leastOf, SINGLE, TOKENS, tokenOf } from './tokens.js';

// Static range asymmetric numeral systems [J. Duda 2013], block by block: a few nanoseconds a number. A symbol is a token and
// its sign. Its frequencies depend on the class of the token before it, of four classes of about as many numbers each, where
// that pays: in gradients neighbours are alike. Integers and exact quotients only: equal on every engine.

/** Numbers in a block, which has frequencies of its own. The last one has fewer than twice as many. */
const BLOCK = 1 << 15;
/** The frequencies of a class add up to ONE. */
const PRECISION = 11;
const ONE = 1 << PRECISION;
/** Symbol 2t + (1 when negative) stands for token t: the number itself below 2 · SINGLE. */
const SYMBOLS = 2 * TOKENS;
const CLASSES = 4;
/** The plan of a block: the lowest tokens of classes 1, 2 and 3, then the frequencies by class and symbol. */
const LIMITS = CLASSES - 1;
const PLAN = LIMITS + CLASSES * SYMBOLS;
/** A state is from here to 2³¹ and moves in words of 16 bits. Encoding begins and decoding ends here. */
const LEAST = 1 << 15;
/** A block is four runs that are coded at the same time, so that no step waits for the one before. */
const LANES = 4;
const HEADER_BYTES = 5;
const STATE_BYTES = 4 * LANES;
/** Bits that a frequency takes, about: four classes have to save more than that. */
const FREQUENCY_BITS = 6;

/** −log₂(f / ONE) by f, in units of 1/256: by squaring, which is equal on every engine. */
const COST = Int32Array.from({ length: ONE + 1 }, (_, f) => {
  if (f === 0) return 0;
  let log = 31 - Math.clz32(f);
  let rest = f / 2 ** log;
  for (let digit = 0; digit < 8; digit++) {
    rest *= rest;
    log *= 2;
    if (rest < 2) continue;
    rest /= 2;
    log++;
  }
  return PRECISION * 256 - log;
});

/**
 * Codes long lists of signed whole numbers below 2³¹. A code is the number of symbols and the length of the frequencies (u8
 * and u32), the frequencies in the adaptive code, four states (u32), the words that decoding shifts into them (u16), and the
 * bits that tokens do not say, lowest first. No code begins another one for as many numbers.
 */
export class BlockCode {
  readonly #adaptive = new AdaptiveCode();
  readonly #counts = new Int32Array(CLASSES * SYMBOLS);
  /** The same in one class: of a block, of a run. */
  readonly #allCounts = new Int32Array(SYMBOLS);
  readonly #runCounts = new Int32Array(SYMBOLS);
  /** By symbol: the class of the number after it. */
  readonly #classAfter = new Uint8Array(SYMBOLS);
  /** By class and symbol, for encoding: frequency · ONE + sum of the frequencies before it; and 1/frequency. */
  readonly #steps = new Int32Array(CLASSES * SYMBOLS);
  readonly #inverses = new Float64Array(CLASSES * SYMBOLS);
  /** By class and the low bits of a state, for decoding, from the highest bit: frequency − 1, place in it, class, symbol. */
  readonly #slots = new Int32Array(CLASSES * ONE);
  readonly #states = new Int32Array(LANES);
  /** The plans of all blocks; and what changes in them from block to block, as it travels. */
  #plans = new Int32Array(0);
  #changes = new Uint32Array(0);
  #symbols = new Uint8Array(0);
  #words = new Uint16Array(0);
  #described = new Uint8Array(0);

  /** As {@link AdaptiveCode.write}. */
  write(numbers: Uint32Array, count: number, out: Uint8Array, at: number, limit: number): number {
    const blocks = this.#reserve(count);
    let width = 1;
    let extra = 0;
    for (let b = 0; b < blocks; b++) {
      this.#tokenise(numbers, b * BLOCK, endOf(b, blocks, count));
      for (let s = 0; s < SYMBOLS; s++) {
        if (this.#allCounts[s] === 0) continue;
        extra += this.#allCounts[s] * extraBits(s >> 1);
        width = Math.max(width, s + 1);
      }
      this.#plan(b, b * BLOCK, endOf(b, blocks, count));
    }
    const changes = this.#listChanges(blocks, width);
    const described = this.#adaptive.write(this.#changes, changes, this.#described, 0, this.#described.length);
    this.#states.fill(LEAST);
    let to = count + 1;
    for (let b = blocks - 1; b >= 0; b--) {
      this.#prepareSteps(b);
      to = this.#encode(b * BLOCK, endOf(b, blocks, count), to);
    }
    const words = new Uint8Array(this.#words.buffer, 2 * to, 2 * (count + 1 - to));
    const states = at + HEADER_BYTES + described;
    const size = HEADER_BYTES + described + STATE_BYTES + words.length + Math.ceil(extra / 8);
    if (described < 0 || size > limit) return -1;
    out[at] = width;
    putU32(out, at + 1, described);
    out.set(this.#described.subarray(0, described), at + HEADER_BYTES);
    for (let lane = 0; lane < LANES; lane++) putU32(out, states + 4 * lane, this.#states[lane]);
    out.set(words, states + STATE_BYTES);
    if (extra > 0) this.#writeExtra(numbers, count, out, states + STATE_BYTES + words.length);
    return size;
  }

  /** As {@link AdaptiveCode.read}. */
  read(bytes: Uint8Array, at: number, end: number, numbers: Uint32Array, count: number, largest: number): void {
    const blocks = this.#reserve(count);
    if (end - at < HEADER_BYTES) throw new ProtocolError('the payload ends within its code');
    const width = bytes[at];
    const states = at + HEADER_BYTES + getU32(bytes, at + 1);
    if (width < 1 || width > 2 * tokenOf(largest) + 2) throw new ProtocolError(`a code of ${width} symbols`);
    if (states + STATE_BYTES > end) throw new ProtocolError('the payload ends within its frequencies');
    this.#adaptive.read(bytes, at + HEADER_BYTES, states, this.#changes, blocks * (LIMITS + CLASSES * width), ONE);
    this.#applyChanges(blocks, width);
    for (let lane = 0; lane < LANES; lane++) {
      const state = getU32(bytes, states + 4 * lane);
      if (state < LEAST || state > 0x7fffffff) throw new ProtocolError(`${state} is no state of a code`);
      this.#states[lane] = state;
    }
    const first = states + STATE_BYTES;
    const words = Math.min(count, (end - first) >> 1);
    new Uint8Array(this.#words.buffer).set(bytes.subarray(first, first + 2 * words));
    let from = 0;
    for (let b = 0; b < blocks; b++) {
      this.#prepareSlots(b);
      from = this.#decode(numbers, b * BLOCK, endOf(b, blocks, count), from);
      if (from > words) throw new ProtocolError('the payload ends within its code');
    }
    if (this.#states.some((state) => state !== LEAST)) throw new ProtocolError('a code does not end as it began');
    readExtra(bytes, first + 2 * from, end, numbers, count, largest);
  }

  /** Makes room for `count` numbers and returns the number of blocks that they are. */
  #reserve(count: number): number {
    const blocks = Math.max(1, Math.floor(count / BLOCK));
    const fields = blocks * PLAN;
    if (this.#symbols.length < count || this.#plans.length < fields) {
      this.#symbols = new Uint8Array(Math.ceil(count / 4) * 4);
      // decoding finds out only after a block that there were not enough words
      this.#words = new Uint16Array(count + 2 * BLOCK);
      this.#plans = new Int32Array(fields);
      this.#changes = new Uint32Array(fields);
      this.#described = new Uint8Array(2 * fields + 64);
    }
    return blocks;
  }

  /** Lists and counts the symbols of numbers[start … end). */
  #tokenise(numbers: Uint32Array, start: number, end: number): void {
    const symbols = this.#symbols;
    const counts = this.#allCounts.fill(0);
    for (let i = start; i < end; i++) {
      const number = numbers[i];
      const symbol = number < 2 * SINGLE ? number : 2 * tokenOf(number >>> 1) + (number & 1);
      symbols[i] = symbol;
      counts[symbol]++;
    }
  }

  /** Chooses classes and frequencies of block b, the symbols [start, end), which have been counted. */
  #plan(b: number, start: number, end: number): void {
    const { limits, frequencies } = this.#planOf(b);
    const all = this.#allCounts;
    let below = 0;
    let token = 0;
    for (let c = 0; c < LIMITS; c++) {
      for (; CLASSES * below < (c + 1) * (end - start); token++) below += all[2 * token] + all[2 * token + 1];
      limits[c] = token;
    }
    this.#setClasses(limits);
    // whether classes pay, the first run shows
    const run = Math.floor((end - start) / LANES);
    this.#counts.fill(0);
    this.#count(start, start + run);
    if (this.#saved(frequencies) > 0) {
      for (let k = 1; k < LANES; k++) this.#count(start + k * run, k < LANES - 1 ? start + (k + 1) * run : end);
      this.#normaliseClasses(frequencies);
    } else {
      limits.fill(TOKENS);
      frequencies.fill(0);
      normalise(all, frequencies);
      for (let c = 1; c < CLASSES; c++) frequencies[c * SYMBOLS] = ONE;
    }
  }

  /** Counts the symbols of a run by class. */
  #count(start: number, end: number): void {
    const symbols = this.#symbols;
    const counts = this.#counts;
    const after = this.#classAfter;
    let group = 0;
    for (let i = start; i < end; i++) {
      const symbol = symbols[i];
      counts[group * SYMBOLS + symbol]++;
      group = after[symbol];
    }
  }

  /** Bits/256 that frequencies of four classes save a block, judged by the run that has been counted. */
  #saved(scratch: Int32Array): number {
    const counts = this.#counts;
    const sum = this.#runCounts.fill(0);
    for (let k = 0; k < counts.length; k++) sum[k % SYMBOLS] += counts[k];
    normalise(sum, scratch);
    let saved = 0;
    for (let s = 0; s < SYMBOLS; s++) saved += sum[s] * COST[scratch[s]];
    this.#normaliseClasses(scratch);
    for (let k = 0; k < counts.length; k++) saved -= counts[k] * COST[scratch[k]];
    let more = 0;
    for (let k = 0; k < counts.length; k++) if (counts[k] > 0 && k >= SYMBOLS) more++;
    return LANES * saved - 256 * FREQUENCY_BITS * more;
  }

  #normaliseClasses(frequencies: Int32Array): void {
    for (let c = 0; c < CLASSES; c++) {
      normalise(
        this.#counts.subarray(c * SYMBOLS, (c + 1) * SYMBOLS),
        frequencies.subarray(c * SYMBOLS, (c + 1) * SYMBOLS),
      );
    }
  }

  /** Limits and frequencies of block b. */
  #planOf(b: number): { limits: Int32Array; frequencies: Int32Array } {
    const at = b * PLAN;
    return { limits: this.#plans.subarray(at, at + LIMITS), frequencies: this.#plans.subarray(at + LIMITS, at + PLAN) };
  }

  #setClasses(limits: Int32Array): void {
    for (let s = 0; s < SYMBOLS; s++) {
      const token = s >> 1;
      this.#classAfter[s] = (token >= limits[0] ? 1 : 0) + (token >= limits[1] ? 1 : 0) + (token >= limits[2] ? 1 : 0);
    }
  }

  /** Lists what is not as in the block before, of the first `width` symbols. Returns the number of changes. */
  #listChanges(blocks: number, width: number): number {
    let listed = 0;
    for (let b = 0; b < blocks; b++) {
      for (let k = 0; k < PLAN; k++) {
        if (!isSent(k, width)) continue;
        const at = b * PLAN + k;
        const change = this.#plans[at] - (b === 0 ? 0 : this.#plans[at - PLAN]);
        this.#changes[listed++] = change < 0 ? 1 - 2 * change : 2 * change;
      }
    }
    return listed;
  }

  /** Takes the plans from their changes. @throws ProtocolError when they are none */
  #applyChanges(blocks: number, width: number): void {
    let listed = 0;
    for (let b = 0; b < blocks; b++) {
      const { frequencies } = this.#planOf(b);
      for (let k = 0; k < PLAN; k++) {
        const at = b * PLAN + k;
        const number = isSent(k, width) ? this.#changes[listed++] : 0;
        const change = (number & 1) === 0 ? number >>> 1 : -(number >>> 1);
        this.#plans[at] = (b === 0 ? 0 : this.#plans[at - PLAN]) + change;
        if (this.#plans[at] < 0) throw new ProtocolError('a frequency is below 0');
      }
      for (let c = 0; c < CLASSES; c++) {
        let sum = 0;
        for (let s = 0; s < SYMBOLS; s++) sum += frequencies[c * SYMBOLS + s];
        if (sum !== ONE) throw new ProtocolError(`frequencies add up to ${sum}, not ${ONE}`);
        if (frequencies[c * SYMBOLS + 1] > 0) throw new ProtocolError('a zero with a sign');
      }
    }
  }

  #prepareSteps(b: number): void {
    const { limits, frequencies } = this.#planOf(b);
    this.#setClasses(limits);
    let sum = 0;
    for (let k = 0; k < frequencies.length; k++) {
      this.#steps[k] = frequencies[k] * ONE + (sum & (ONE - 1));
      this.#inverses[k] = 1 / frequencies[k];
      sum += frequencies[k];
    }
  }

  #prepareSlots(b: number): void {
    const { limits, frequencies } = this.#planOf(b);
    const slots = this.#slots;
    this.#setClasses(limits);
    const classes = limits.every((limit) => limit >= TOKENS) ? 1 : CLASSES;
    let slot = 0;
    for (let c = 0; c < classes; c++) {
      for (let s = 0; s < SYMBOLS; s++) {
        const frequency = frequencies[c * SYMBOLS + s];
        const entry = ((frequency - 1) << 21) | (this.#classAfter[s] << 8) | s;
        for (let place = 0; place < frequency; place++) slots[slot++] = entry | (place << 10);
      }
    }
  }

  /** Encodes the symbols [start, end), the last first. Words go below `to`; returns where they begin. */
  #encode(start: number, end: number, below: number): number {
    const symbols = this.#symbols;
    const after = this.#classAfter;
    const steps = this.#steps;
    const inverses = this.#inverses;
    const words = this.#words;
    let [a, b, c, d] = this.#states;
    let to = below;
    const lane = (end - start) >> 2;
    const second = start + lane;
    const third = second + lane;
    const fourth = third + lane;
    for (let i = end - 1; i >= fourth + lane; i--) {
      const e = (i > fourth ? after[symbols[i - 1]] : 0) * SYMBOLS + symbols[i];
      const step = steps[e];
      const spill = ((step >>> PRECISION) - 1 - (d >>> (31 - PRECISION))) >>> 31;
      words[to - 1] = d;
      to -= spill;
      d >>>= spill << 4;
      d += Math.imul(((d + 0.5) * inverses[e]) | 0, ONE - (step >>> PRECISION)) + (step & (ONE - 1));
    }
    for (let i = lane - 1; i >= 0; i--) {
      // a word is spilled when the state would not stay below 2³¹; (x + ½)/f has the same whole part as x/f, exactly
      const first = i === 0;
      let e = (first ? 0 : after[symbols[fourth + i - 1]]) * SYMBOLS + symbols[fourth + i];
      let step = steps[e];
      let spill = ((step >>> PRECISION) - 1 - (d >>> (31 - PRECISION))) >>> 31;
      words[to - 1] = d;
      to -= spill;
      d >>>= spill << 4;
      d += Math.imul(((d + 0.5) * inverses[e]) | 0, ONE - (step >>> PRECISION)) + (step & (ONE - 1));

      e = (first ? 0 : after[symbols[third + i - 1]]) * SYMBOLS + symbols[third + i];
      step = steps[e];
      spill = ((step >>> PRECISION) - 1 - (c >>> (31 - PRECISION))) >>> 31;
      words[to - 1] = c;
      to -= spill;
      c >>>= spill << 4;
      c += Math.imul(((c + 0.5) * inverses[e]) | 0, ONE - (step >>> PRECISION)) + (step & (ONE - 1));

      e = (first ? 0 : after[symbols[second + i - 1]]) * SYMBOLS + symbols[second + i];
      step = steps[e];
      spill = ((step >>> PRECISION) - 1 - (b >>> (31 - PRECISION))) >>> 31;
      words[to - 1] = b;
      to -= spill;
      b >>>= spill << 4;
      b += Math.imul(((b + 0.5) * inverses[e]) | 0, ONE - (step >>> PRECISION)) + (step & (ONE - 1));

      e = (first ? 0 : after[symbols[start + i - 1]]) * SYMBOLS + symbols[start + i];
      step = steps[e];
      spill = ((step >>> PRECISION) - 1 - (a >>> (31 - PRECISION))) >>> 31;
      words[to - 1] = a;
      to -= spill;
      a >>>= spill << 4;
      a += Math.imul(((a + 0.5) * inverses[e]) | 0, ONE - (step >>> PRECISION)) + (step & (ONE - 1));
    }
    this.#states[0] = a;
    this.#states[1] = b;
    this.#states[2] = c;
    this.#states[3] = d;
    return to;
  }

  /** Decodes the symbols [start, end) to `numbers`. Words are taken from `next` on; returns where the next one is. */
  #decode(numbers: Uint32Array, start: number, end: number, next: number): number {
    const slots = this.#slots;
    const words = this.#words;
    let [a, b, c, d] = this.#states;
    let afterA = 0;
    let afterB = 0;
    let afterC = 0;
    let afterD = 0;
    let from = next;
    const lane = (end - start) >> 2;
    const second = start + lane;
    const third = second + lane;
    const fourth = third + lane;
    for (let i = 0; i < lane; i++) {
      let slot = slots[afterA + (a & (ONE - 1))];
      numbers[start + i] = slot & 0xff;
      afterA = (slot & 0x300) << (PRECISION - 8);
      a = Math.imul((slot >>> 21) + 1, a >>> PRECISION) + ((slot >>> 10) & (ONE - 1));
      let short = (a - LEAST) >>> 31;
      a = (a << (short << 4)) | (words[from] & -short);
      from += short;

      slot = slots[afterB + (b & (ONE - 1))];
      numbers[second + i] = slot & 0xff;
      afterB = (slot & 0x300) << (PRECISION - 8);
      b = Math.imul((slot >>> 21) + 1, b >>> PRECISION) + ((slot >>> 10) & (ONE - 1));
      short = (b - LEAST) >>> 31;
      b = (b << (short << 4)) | (words[from] & -short);
      from += short;

      slot = slots[afterC + (c & (ONE - 1))];
      numbers[third + i] = slot & 0xff;
      afterC = (slot & 0x300) << (PRECISION - 8);
      c = Math.imul((slot >>> 21) + 1, c >>> PRECISION) + ((slot >>> 10) & (ONE - 1));
      short = (c - LEAST) >>> 31;
      c = (c << (short << 4)) | (words[from] & -short);
      from += short;

      slot = slots[afterD + (d & (ONE - 1))];
      numbers[fourth + i] = slot & 0xff;
      afterD = (slot & 0x300) << (PRECISION - 8);
      d = Math.imul((slot >>> 21) + 1, d >>> PRECISION) + ((slot >>> 10) & (ONE - 1));
      short = (d - LEAST) >>> 31;
      d = (d << (short << 4)) | (words[from] & -short);
      from += short;
    }
    for (let i = fourth + lane; i < end; i++) {
      const slot = slots[afterD + (d & (ONE - 1))];
      numbers[i] = slot & 0xff;
      afterD = (slot & 0x300) << (PRECISION - 8);
      d = Math.imul((slot >>> 21) + 1, d >>> PRECISION) + ((slot >>> 10) & (ONE - 1));
      const short = (d - LEAST) >>> 31;
      d = (d << (short << 4)) | (words[from] & -short);
      from += short;
    }
    this.#states[0] = a;
    this.#states[1] = b;
    this.#states[2] = c;
    this.#states[3] = d;
    return from;
  }

  /** Writes the bits that the tokens of `numbers` do not say. */
  #writeExtra(numbers: Uint32Array, count: number, out: Uint8Array, at: number): void {
    const symbols = this.#symbols;
    const fours = new Uint32Array(symbols.buffer);
    let to = at;
    let pending = 0;
    let held = 0;
    for (let four = 0; 4 * four < count; four++) {
      // symbols from 2 · SINGLE on have one of the three high bits; mostly four in a row have not
      if ((fours[four] & 0xe0e0e0e0) === 0) continue;
      for (let i = 4 * four; i < Math.min(4 * four + 4, count); i++) {
        if (symbols[i] < 2 * SINGLE) continue;
        const extra = extraBits(symbols[i] >> 1);
        let rest = (numbers[i] >>> 1) & ((1 << extra) - 1);
        // 16 bits at a time, so that 7 and these fit into a word
        for (let left = extra; left > 0; left -= 16, rest >>>= 16) {
          const bits = Math.min(left, 16);
          pending |= (rest & ((1 << bits) - 1)) << held;
          for (held += bits; held >= 8; held -= 8, pending >>>= 8) out[to++] = pending;
        }
      }
    }
    if (held > 0) out[to] = pending;
  }
}

/** Turns symbols into numbers, with the bits that they do not say, which are all of bytes[at … end). @throws ProtocolError */
function readExtra(
  bytes: Uint8Array,
  at: number,
  end: number,
  numbers: Uint32Array,
  count: number,
  largest: number,
): void {
  let from = at;
  let pending = 0;
  let held = 0;
  for (let i = 0; i < count; i++) {
    const symbol = numbers[i];
    // mostly four in a row say everything
    if (i + 3 < count && (symbol | numbers[i + 1] | numbers[i + 2] | numbers[i + 3]) < 2 * SINGLE) i += 3;
    if (symbol < 2 * SINGLE) continue;
    const token = symbol >> 1;
    const extra = extraBits(token);
    let rest = 0;
    for (let got = 0; got < extra; got += 16) {
      const bits = Math.min(extra - got, 16);
      for (; held < bits; held += 8) {
        if (from >= end) throw new ProtocolError('the payload ends within its code');
        pending |= bytes[from++] << held;
      }
      rest |= (pending & ((1 << bits) - 1)) << got;
      pending >>>= bits;
      held -= bits;
    }
    const magnitude = leastOf(token) + rest;
    if (magnitude > largest) throw new ProtocolError(`a coded number is ${magnitude}, above ${largest}`);
    numbers[i] = ((magnitude << 1) | (symbol & 1)) >>> 0;
  }
  if (pending !== 0) throw new ProtocolError('padding bits are not zero');
  if (from !== end) throw new ProtocolError(`${end - from} bytes after a code of ${count} numbers`);
}

/** Whether field k of a plan travels when the first `width` symbols occur. */
function isSent(k: number, width: number): boolean {
  return k < LIMITS || (k - LIMITS) % SYMBOLS < width;
}

function endOf(block: number, blocks: number, count: number): number {
  return block === blocks - 1 ? count : (block + 1) * BLOCK;
}

/** Makes frequencies, one for each count, that add up to ONE: near counts/Σcounts, none of a count above 0 being 0. */
function normalise(counts: Int32Array, frequencies: Int32Array): void {
  let sum = 0;
  for (let s = 0; s < counts.length; s++) sum += counts[s];
  let left = ONE;
  let largest = 0;
  for (let s = 0; s < counts.length; s++) {
    frequencies[s] = counts[s] === 0 ? 0 : Math.max(1, Math.round((counts[s] * ONE) / sum));
    left -= frequencies[s];
    if (counts[s] > counts[largest]) largest = s;
  }
  // what was rounded away, or a class that never occurs
  if (left > 0) frequencies[largest] += left;
  for (; left < 0; left++) {
    for (let s = 0; s < counts.length; s++) if (frequencies[s] > frequencies[largest]) largest = s;
    frequencies[largest]--;
  }
}
