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
/** Of a block travel the lowest tokens of classes 1, 2 and 3, then the frequencies by class and symbol. */
const LIMITS = CLASSES - 1;
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
  /** The same for a block in one class. */
  readonly #allCounts = new Int32Array(SYMBOLS);
  readonly #allFrequencies = new Int32Array(SYMBOLS);
  /** By symbol: the class of the number after it. */
  readonly #classAfter = new Uint8Array(SYMBOLS);
  /** By class and symbol, for encoding: frequency · ONE + sum of the frequencies before it; and 1/frequency. */
  readonly #steps = new Int32Array(CLASSES * SYMBOLS);
  readonly #inverses = new Float64Array(CLASSES * SYMBOLS);
  /** By class and the low bits of a state, for decoding, from the highest bit: frequency − 1, place in it, class, symbol. */
  readonly #slots = new Int32Array(CLASSES * ONE);
  readonly #states = new Int32Array(LANES);
  /** Of each block, limits and frequencies; and what changes in them from block to block, as it travels. */
  #plans = new Int32Array(0);
  #changes = new Uint32Array(0);
  #symbols = new Uint8Array(0);
  #words = new Uint16Array(0);
  #described = new Uint8Array(0);

  /** As {@link AdaptiveCode.write}. */
  write(numbers: Uint32Array, count: number, out: Uint8Array, at: number, limit: number): number {
    const blocks = this.#reserve(count);
    const { extra, highest } = this.#tokenise(numbers, count);
    const width = highest + 1;
    for (let b = 0; b < blocks; b++) this.#plan(b, b * BLOCK, endOf(b, blocks, count), width);
    const changes = this.#planChanges(blocks, width);
    const described = this.#adaptive.write(this.#changes, changes, this.#described, 0, this.#described.length);
    this.#states.fill(LEAST);
    let to = count + 1;
    for (let b = blocks - 1; b >= 0; b--) {
      this.#prepareSteps(b, width);
      to = this.#encode(b * BLOCK, endOf(b, blocks, count), to);
    }
    const words = new Uint8Array(this.#words.buffer, 2 * to, 2 * (count + 1 - to));
    const states = at + HEADER_BYTES + described;
    const size = HEADER_BYTES + described + STATE_BYTES + words.length + Math.ceil(extra / 8);
    if (described < 0 || size > limit) return -1;
    out[at] = width;
    writeU32(out, at + 1, described);
    out.set(this.#described.subarray(0, described), at + HEADER_BYTES);
    for (let lane = 0; lane < LANES; lane++) writeU32(out, states + 4 * lane, this.#states[lane]);
    out.set(words, states + STATE_BYTES);
    if (extra > 0) this.#writeExtra(numbers, count, out, states + STATE_BYTES + words.length);
    return size;
  }

  /** As {@link AdaptiveCode.read}. */
  read(bytes: Uint8Array, at: number, end: number, numbers: Uint32Array, count: number, largest: number): void {
    const blocks = this.#reserve(count);
    if (end - at < HEADER_BYTES) throw new ProtocolError('the payload ends within its code');
    const width = bytes[at];
    const states = at + HEADER_BYTES + readU32(bytes, at + 1);
    if (width < 1 || width > 2 * tokenOf(largest) + 2) throw new ProtocolError(`a code of ${width} symbols`);
    if (states + STATE_BYTES > end) throw new ProtocolError('the payload ends within its frequencies');
    this.#adaptive.read(bytes, at + HEADER_BYTES, states, this.#changes, blocks * stride(width), ONE);
    this.#applyChanges(blocks, width);
    for (let lane = 0; lane < LANES; lane++) {
      const state = readU32(bytes, states + 4 * lane);
      if (state < LEAST || state > 0x7fffffff) throw new ProtocolError(`${state} is no state of a code`);
      this.#states[lane] = state;
    }
    const first = states + STATE_BYTES;
    const words = Math.min(count, (end - first) >> 1);
    new Uint8Array(this.#words.buffer).set(bytes.subarray(first, first + 2 * words));
    let from = 0;
    for (let b = 0; b < blocks; b++) {
      this.#prepareSlots(b, width);
      from = this.#decode(numbers, b * BLOCK, endOf(b, blocks, count), from);
      if (from > words) throw new ProtocolError('the payload ends within its code');
    }
    if (this.#states.some((state) => state !== LEAST)) throw new ProtocolError('a code does not end as it began');
    readExtra(bytes, first + 2 * from, end, numbers, count, largest);
  }

  /** Makes room for `count` numbers and returns the number of blocks that they are. */
  #reserve(count: number): number {
    const blocks = Math.max(1, Math.floor(count / BLOCK));
    if (this.#symbols.length < count || this.#words.length === 0) {
      const fields = blocks * stride(SYMBOLS);
      this.#symbols = new Uint8Array(count);
      // decoding finds out only after a block that there were not enough words
      this.#words = new Uint16Array(count + 2 * BLOCK);
      this.#plans = new Int32Array(fields);
      this.#changes = new Uint32Array(fields);
      this.#described = new Uint8Array(2 * fields + 64);
    }
    return blocks;
  }

  /** Lists the symbols of the numbers. Returns the bits that they do not say, and the highest. */
  #tokenise(numbers: Uint32Array, count: number): { extra: number; highest: number } {
    const symbols = this.#symbols;
    let extra = 0;
    let highest = 0;
    for (let i = 0; i < count; i++) {
      let symbol = numbers[i];
      if (symbol >= 2 * SINGLE) {
        const token = tokenOf(symbol >>> 1);
        extra += extraBits(token);
        symbol = 2 * token + (symbol & 1);
      }
      symbols[i] = symbol;
      if (symbol > highest) highest = symbol;
    }
    return { extra, highest };
  }

  /** Chooses classes and frequencies of block b, the symbols [start, end). */
  #plan(b: number, start: number, end: number, width: number): void {
    const { 0: limits, 1: frequencies } = this.#planOf(b, width);
    const symbols = this.#symbols;
    const all = this.#allCounts.fill(0);
    for (let i = start; i < end; i++) all[symbols[i]]++;
    normalise(all, this.#allFrequencies, width);

    let below = 0;
    let token = 0;
    for (let c = 0; c < LIMITS; c++) {
      for (; CLASSES * below < (c + 1) * (end - start); token++) below += all[2 * token] + all[2 * token + 1];
      limits[c] = token;
    }
    this.#setClasses(limits, width);
    const counts = this.#counts.fill(0);
    const after = this.#classAfter;
    const lane = Math.floor((end - start) / LANES);
    for (let run = 0; run < LANES; run++) {
      const last = run === LANES - 1 ? end : start + (run + 1) * lane;
      let group = 0;
      for (let i = start + run * lane; i < last; i++) {
        const symbol = symbols[i];
        counts[group * SYMBOLS + symbol]++;
        group = after[symbol];
      }
    }
    let saved = 0;
    for (let s = 0; s < width; s++) saved += all[s] * COST[this.#allFrequencies[s]];
    for (let c = 0; c < CLASSES; c++) {
      const own = counts.subarray(c * SYMBOLS, c * SYMBOLS + width);
      const to = frequencies.subarray(c * width, (c + 1) * width);
      normalise(own, to, width);
      for (let s = 0; s < width; s++) saved -= own[s] * COST[to[s]] + (own[s] > 0 ? 256 * FREQUENCY_BITS : 0);
    }
    if (saved > 0) return;
    limits.fill(TOKENS);
    frequencies.fill(0);
    frequencies.set(this.#allFrequencies.subarray(0, width));
    for (let c = 1; c < CLASSES; c++) frequencies[c * width] = ONE;
  }

  /** Limits and frequencies of block b. */
  #planOf(b: number, width: number): readonly [Int32Array, Int32Array] {
    const at = b * stride(width);
    return [this.#plans.subarray(at, at + LIMITS), this.#plans.subarray(at + LIMITS, at + stride(width))];
  }

  #setClasses(limits: Int32Array, width: number): void {
    for (let s = 0; s < width; s++) {
      const token = s >> 1;
      this.#classAfter[s] = (token >= limits[0] ? 1 : 0) + (token >= limits[1] ? 1 : 0) + (token >= limits[2] ? 1 : 0);
    }
  }

  /** The plans as what is not as in the block before, and their number. */
  #planChanges(blocks: number, width: number): number {
    const step = stride(width);
    for (let k = 0; k < blocks * step; k++) {
      const change = this.#plans[k] - (k < step ? 0 : this.#plans[k - step]);
      this.#changes[k] = change < 0 ? -2 * change + 1 : 2 * change;
    }
    return blocks * step;
  }

  /** Takes the plans from their changes. @throws ProtocolError when they are none */
  #applyChanges(blocks: number, width: number): void {
    const step = stride(width);
    for (let k = 0; k < blocks * step; k++) {
      const change = this.#changes[k] >>> 1;
      this.#plans[k] = (k < step ? 0 : this.#plans[k - step]) + ((this.#changes[k] & 1) === 0 ? change : -change);
      if (this.#plans[k] < 0) throw new ProtocolError('a frequency is below 0');
    }
    for (let b = 0; b < blocks; b++) {
      const [, frequencies] = this.#planOf(b, width);
      for (let c = 0; c < CLASSES; c++) {
        let sum = 0;
        for (let s = 0; s < width; s++) sum += frequencies[c * width + s];
        if (sum !== ONE) throw new ProtocolError(`frequencies add up to ${sum}, not ${ONE}`);
        if (width > 1 && frequencies[c * width + 1] > 0) throw new ProtocolError('a zero with a sign');
      }
    }
  }

  #prepareSteps(b: number, width: number): void {
    const [limits, frequencies] = this.#planOf(b, width);
    this.#setClasses(limits, width);
    for (let c = 0; c < CLASSES; c++) {
      let sum = 0;
      for (let s = 0; s < width; s++) {
        const frequency = frequencies[c * width + s];
        this.#steps[c * SYMBOLS + s] = frequency * ONE + sum;
        this.#inverses[c * SYMBOLS + s] = 1 / frequency;
        sum += frequency;
      }
    }
  }

  #prepareSlots(b: number, width: number): void {
    const [limits, frequencies] = this.#planOf(b, width);
    const slots = this.#slots;
    this.#setClasses(limits, width);
    for (let c = 0; c < CLASSES; c++) {
      let slot = c * ONE;
      for (let s = 0; s < width; s++) {
        const frequency = frequencies[c * width + s];
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
    let to = at;
    let pending = 0;
    let held = 0;
    for (let i = 0; i < count; i++) {
      if (symbols[i] < 2 * SINGLE) continue;
      const extra = extraBits(symbols[i] >> 1);
      let rest = (numbers[i] >>> 1) & ((1 << extra) - 1);
      // 16 bits at a time, so that 7 and these fit into a word
      for (let left = extra; left > 0; left -= 16, rest >>>= 16) {
        const bits = Math.min(left, 16);
        pending |= (rest & ((1 << bits) - 1)) << held;
        held += bits;
        for (; held >= 8; held -= 8, pending >>>= 8) out[to++] = pending;
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

/** Fields of a block's plan. */
function stride(width: number): number {
  return LIMITS + CLASSES * width;
}

function endOf(block: number, blocks: number, count: number): number {
  return block === blocks - 1 ? count : (block + 1) * BLOCK;
}

/** Frequencies that add up to ONE, near counts/Σcounts, none of a count above 0 being 0. */
function normalise(counts: Int32Array, frequencies: Int32Array, width: number): void {
  let sum = 0;
  for (let s = 0; s < width; s++) sum += counts[s];
  frequencies.fill(0);
  if (sum === 0) {
    frequencies[0] = ONE;
    return;
  }
  let left = ONE;
  let largest = 0;
  for (let s = 0; s < width; s++) {
    if (counts[s] === 0) continue;
    frequencies[s] = Math.max(1, Math.round((counts[s] * ONE) / sum));
    left -= frequencies[s];
    if (counts[s] > counts[largest]) largest = s;
  }
  for (; left > 0; left--) frequencies[largest]++;
  for (; left < 0; left++) {
    for (let s = 0; s < width; s++) if (frequencies[s] > frequencies[largest]) largest = s;
    frequencies[largest]--;
  }
}

function writeU32(out: Uint8Array, at: number, value: number): void {
  for (let b = 0; b < 4; b++) out[at + b] = value >>> (8 * b);
}

function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}
