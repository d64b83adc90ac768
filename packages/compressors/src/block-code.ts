import { getU32, putU32 } from '@flotilla/core/internal';
import { adaptiveCode } from './adaptive-code.js';
import { codecKernels } from './codec-kernels.js';
import { ProtocolError } from './errors.js';
import { TOKENS, tokenOf } from './tokens.js';

// Static range asymmetric numeral systems [J. Duda 2013], block by block: a nanosecond or two a number. A symbol is a token and
// its sign. Its frequencies depend on the class of the token before it, of four classes of about as many numbers each, where
// that pays: in gradients neighbours are alike. Integers and exact quotients only: equal on every engine. The loops over numbers
// are in assembly/block-code.ts, which has the same constants; what is done once a block is here.

/** Numbers in a block, which has frequencies of its own. The last one has fewer than twice as many. */
const BLOCK = 1 << 15;
/** The frequencies of a class add up to ONE. */
const PRECISION = 11;
const ONE = 1 << PRECISION;
/** Symbol 2t + (1 when negative) stands for token t: the number itself below 32. */
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
/** What the loops read and write beyond the end of what there is. */
const MARGIN = 64;

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

/** Where things are in the kernels' memory, behind the list: byte addresses. */
class Room {
  readonly kernels = codecKernels();
  readonly blocks: number;
  readonly symbols: number;
  /** Counts of a block: in one class, in all. */
  readonly counts: number;
  /** The plans of all blocks; and what changes in them from block to block, as it travels. */
  readonly plans: number;
  readonly changes: number;
  /** Bits that tokens do not say, of an encoder. */
  readonly extra: number;
  readonly words: number;

  /** Makes room for `count` numbers, `words` bytes of words, and, of an encoder, for the bits that tokens do not say. */
  constructor(count: number, words: number, encodes: boolean) {
    this.blocks = Math.max(1, Math.floor(count / BLOCK));
    let end = this.kernels.reserve(count);
    const take = (bytes: number) => {
      const at = end;
      end = (end + bytes + MARGIN) & ~15;
      return at;
    };
    this.symbols = take(count);
    this.counts = take(4 * SYMBOLS * (1 + CLASSES));
    this.plans = take(4 * this.blocks * PLAN);
    this.words = take(words);
    this.extra = take(encodes ? 4 * count : 0);
    this.changes = take(4 * this.blocks * PLAN);
    this.kernels.ensure(end);
  }

  ints(at: number, length: number): Int32Array {
    return new Int32Array(this.kernels.bytes.buffer, at, length);
  }

  /** Limits and frequencies of block b. */
  planOf(b: number): { at: number; limits: Int32Array; frequencies: Int32Array } {
    const at = this.plans + 4 * b * PLAN;
    return { at, limits: this.ints(at, LIMITS), frequencies: this.ints(at + 4 * LIMITS, CLASSES * SYMBOLS) };
  }
}

/**
 * Codes long lists of signed whole numbers below 2³¹. A code is the number of symbols and the length of the frequencies (u8
 * and u32), the frequencies in the adaptive code, four states (u32), the words that decoding shifts into them (u16), and the
 * bits that tokens do not say, lowest first. No code begins another one for as many numbers.
 */
export const blockCode = {
  /** As {@link adaptiveCode}.write. */
  write(count: number, twice: number, out: Uint8Array, at: number, limit: number): number {
    const room = new Room(count, 2 * count, true);
    const { kernels, blocks } = room;
    const { exports, list } = kernels;
    const totals = new Int32Array(SYMBOLS);
    const all = room.ints(room.counts, SYMBOLS);
    let bits = 0;
    for (let b = 0; b < blocks; b++) {
      const size = sizeOf(b, blocks, count);
      const symbols = room.symbols + b * BLOCK;
      bits = exports.tokenise(list + 4 * b * BLOCK, size, twice, symbols, room.counts, room.extra, bits);
      for (let s = 0; s < SYMBOLS; s++) totals[s] += all[s];
      choosePlan(room, b, size);
    }
    const width = Math.max(1, 1 + totals.findLastIndex((n) => n > 0));
    const changes = listChanges(room, width);
    const states = room.ints(exports.states(), LANES).fill(LEAST);
    const end = room.words + 2 * count + 2;
    let to = end;
    for (let b = blocks - 1; b >= 0; b--) {
      to = exports.encode(room.symbols + b * BLOCK, sizeOf(b, blocks, count), room.planOf(b).at, to);
    }
    // memory may grow from here on
    const ends = [...states];
    const coded = STATE_BYTES + end - to + Math.ceil(bits / 8);
    const described = adaptiveCode.write(
      room.changes,
      changes,
      0,
      out,
      at + HEADER_BYTES,
      limit - HEADER_BYTES - coded,
    );
    if (described < 0) return -1;
    out[at] = width;
    putU32(out, at + 1, described);
    let from = at + HEADER_BYTES + described;
    for (let lane = 0; lane < LANES; lane++, from += 4) putU32(out, from, ends[lane]);
    const { bytes } = kernels;
    out.set(bytes.subarray(to, end), from);
    out.set(bytes.subarray(room.extra, room.extra + Math.ceil(bits / 8)), from + end - to);
    return HEADER_BYTES + described + coded;
  },

  /** As {@link adaptiveCode}.read. */
  read(bytes: Uint8Array, at: number, end: number, count: number, largest: number): void {
    if (end - at < HEADER_BYTES) throw new ProtocolError('the payload ends within its code');
    const width = bytes[at];
    const states = at + HEADER_BYTES + getU32(bytes, at + 1);
    if (width < 1 || width > 2 * tokenOf(largest) + 2) throw new ProtocolError(`a code of ${width} symbols`);
    if (states + STATE_BYTES > end) throw new ProtocolError('the payload ends within its frequencies');
    const first = states + STATE_BYTES;
    // all of the rest; decoding finds out only after a block that there were not enough words
    const room = new Room(count, Math.max(end - first, 2 * count) + 4 * BLOCK, false);
    const { kernels, blocks } = room;
    const { exports } = kernels;
    adaptiveCode.read(room.changes, bytes, at + HEADER_BYTES, states, blocks * (LIMITS + CLASSES * width), ONE);
    applyChanges(room, width);
    const lanes = room.ints(exports.states(), LANES);
    for (let lane = 0; lane < LANES; lane++) {
      const state = getU32(bytes, states + 4 * lane);
      if (state < LEAST || state > 0x7fffffff) throw new ProtocolError(`${state} is no state of a code`);
      lanes[lane] = state;
    }
    kernels.bytes.set(bytes.subarray(first, end), room.words);
    const last = room.words + end - first;
    let from = room.words;
    for (let b = 0; b < blocks; b++) {
      from = exports.decode(room.symbols + b * BLOCK, sizeOf(b, blocks, count), room.planOf(b).at, from);
      if (from > last) throw new ProtocolError('the payload ends within its code');
    }
    if (lanes.some((state) => state !== LEAST)) throw new ProtocolError('a code does not end as it began');
    // what is wrong, as in the assembly
    const extra = exports.numbersOf(room.symbols, count, kernels.list, from, last, largest);
    if (extra === -1) throw new ProtocolError('the payload ends within its code');
    if (extra === -2) throw new ProtocolError(`a coded number is above ${largest}`);
    if (extra === -3) throw new ProtocolError('padding bits are not zero');
    if (from + extra !== last) throw new ProtocolError(`${last - from - extra} bytes after a code of ${count} numbers`);
  },
};

/** Chooses classes and frequencies of block b, the `size` symbols of which have been counted. */
function choosePlan(room: Room, b: number, size: number): void {
  const { exports } = room.kernels;
  const { at, limits, frequencies } = room.planOf(b);
  const all = room.ints(room.counts, SYMBOLS);
  // of the symbols below this one alone there are any
  const width = 1 + all.findLastIndex((n) => n > 0);
  frequencies.fill(0);
  let below = 0;
  let token = 0;
  for (let c = 0; c < LIMITS; c++) {
    for (; CLASSES * below < (c + 1) * size; token++) below += all[2 * token] + all[2 * token + 1];
    limits[c] = token;
  }
  const symbols = room.symbols + b * BLOCK;
  const run = Math.floor(size / LANES);
  const own = room.counts + 4 * SYMBOLS;
  const counts = room.ints(own, CLASSES * SYMBOLS).fill(0);
  exports.countClasses(symbols, run, own, at);
  // whether classes pay, the first run shows
  if (saved(counts, frequencies, width) > 0) {
    for (let k = 1; k < LANES; k++) {
      exports.countClasses(symbols + k * run, k < LANES - 1 ? run : size - k * run, own, at);
    }
    normaliseClasses(counts, frequencies, width);
  } else {
    limits.fill(TOKENS);
    frequencies.fill(0);
    normalise(all.subarray(0, width), frequencies);
    for (let c = 1; c < CLASSES; c++) frequencies[c * SYMBOLS] = ONE;
  }
}

/** Bits/256 that frequencies of four classes save a block, of the first `width` symbols, judged by the run that has been counted. */
function saved(counts: Int32Array, scratch: Int32Array, width: number): number {
  const sum = new Int32Array(width);
  for (let c = 0; c < CLASSES; c++) for (let s = 0; s < width; s++) sum[s] += counts[c * SYMBOLS + s];
  normalise(sum, scratch);
  let saved = 0;
  for (let s = 0; s < width; s++) saved += sum[s] * COST[scratch[s]];
  normaliseClasses(counts, scratch, width);
  let more = 0;
  for (let c = 0; c < CLASSES; c++) {
    for (let k = c * SYMBOLS; k < c * SYMBOLS + width; k++) {
      saved -= counts[k] * COST[scratch[k]];
      if (counts[k] > 0 && c > 0) more++;
    }
  }
  return LANES * saved - 256 * FREQUENCY_BITS * more;
}

function normaliseClasses(counts: Int32Array, frequencies: Int32Array, width: number): void {
  for (let c = 0; c < CLASSES; c++) {
    const at = c * SYMBOLS;
    normalise(counts.subarray(at, at + width), frequencies.subarray(at, at + width));
  }
}

/** Lists what is not as in the block before, of the first `width` symbols. Returns the number of changes. */
function listChanges(room: Room, width: number): number {
  const plans = room.ints(room.plans, room.blocks * PLAN);
  const changes = room.ints(room.changes, room.blocks * PLAN);
  let listed = 0;
  for (let b = 0; b < room.blocks; b++) {
    eachSent(b, width, (at) => {
      const change = plans[at] - (b === 0 ? 0 : plans[at - PLAN]);
      changes[listed++] = change < 0 ? 1 - 2 * change : 2 * change;
    });
  }
  return listed;
}

/** Takes the plans from their changes. @throws ProtocolError when they are none */
function applyChanges(room: Room, width: number): void {
  const plans = room.ints(room.plans, room.blocks * PLAN).fill(0);
  const changes = room.ints(room.changes, room.blocks * PLAN);
  let listed = 0;
  for (let b = 0; b < room.blocks; b++) {
    eachSent(b, width, (at) => {
      const number = changes[listed++];
      const change = (number & 1) === 0 ? number >>> 1 : -(number >>> 1);
      plans[at] = (b === 0 ? 0 : plans[at - PLAN]) + change;
      if (plans[at] < 0) throw new ProtocolError('a frequency is below 0');
    });
    const { frequencies } = room.planOf(b);
    for (let c = 0; c < CLASSES; c++) {
      let sum = 0;
      for (let s = 0; s < width; s++) sum += frequencies[c * SYMBOLS + s];
      if (sum !== ONE) throw new ProtocolError(`frequencies add up to ${sum}, not ${ONE}`);
      if (frequencies[c * SYMBOLS + 1] > 0) throw new ProtocolError('a zero with a sign');
    }
  }
}

/** Calls `use` with the place of each field of plan b that travels when the first `width` symbols occur. */
function eachSent(b: number, width: number, use: (at: number) => void): void {
  const plan = b * PLAN;
  for (let k = 0; k < LIMITS; k++) use(plan + k);
  for (let c = 0; c < CLASSES; c++) {
    const at = plan + LIMITS + c * SYMBOLS;
    for (let s = 0; s < width; s++) use(at + s);
  }
}

/** Numbers in a block. */
function sizeOf(block: number, blocks: number, count: number): number {
  return block === blocks - 1 ? count - block * BLOCK : BLOCK;
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
