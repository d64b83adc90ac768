/** Bytes that are handed on at a time. */
const CHUNK = 2 ** 16;
const END_OF_STREAM = 0x177245385090;
const BLOCK = 0x314159265359;
/** Symbols coded by one table, and bits that a code may have. */
const GROUP = 50;
const MAX_CODE_BITS = 20;
const PEEK = 10;

/** CRC-32 as bzip2 has it: most significant bit first. */
const crcTable = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});

/**
 * Unpacks a bzip2 file; several streams in a row are one. Hands its content to `write` piece by piece and stops after each:
 * whoever drives it decides when it goes on, or whether. Pieces are overwritten. There is no specification of the format; this
 * follows what bzip2 1.0.8 does (J. Seward), without the randomised blocks that it has not written since 1998.
 * @throws Error when the bytes are not an intact bzip2 file
 */
export function* bunzip2(bytes: Uint8Array, write: (piece: Uint8Array) => void): Generator<void, void> {
  const bits = new BitReader(bytes);
  let block: Block | undefined;
  do {
    if (bits.read(24) !== 0x425a68) throw new Error('not a bzip2 stream');
    const level = bits.read(8) - 48;
    if (level < 1 || level > 9) throw new Error('not a bzip2 stream');
    if (block?.size !== 100_000 * level) block = new Block(100_000 * level);
    let streamCrc = 0;
    for (;;) {
      const magic = bits.read(24) * 2 ** 24 + bits.read(24);
      const crc = (bits.read(16) << 16) | bits.read(16);
      if (magic === END_OF_STREAM) {
        if (crc !== streamCrc) throw new Error('the checksum of a bzip2 stream is wrong');
        break;
      }
      if (magic !== BLOCK) throw new Error('not a bzip2 block');
      block.read(bits);
      for (let piece = block.next(); piece.length > 0; piece = block.next()) {
        write(piece);
        yield;
      }
      if (block.crc !== crc) throw new Error('the checksum of a bzip2 block is wrong');
      streamCrc = ((streamCrc << 1) | (streamCrc >>> 31)) ^ crc;
    }
    bits.align();
    // a stream may be empty, and there may be many
    yield;
  } while (!bits.atEnd);
}

class BitReader {
  #at = 0;
  #held = 0;
  #count = 0;

  constructor(private readonly bytes: Uint8Array) {}

  /** The next `count` ≤ 24 bits. */
  read(count: number): number {
    const value = this.peek(count);
    this.skip(count);
    return value;
  }

  /** The next `count` ≤ 24 bits without reading them, zeros beyond the end. */
  peek(count: number): number {
    while (this.#count < count) {
      this.#held = (this.#held << 8) | (this.#at < this.bytes.length ? this.bytes[this.#at] : 0);
      this.#at++;
      this.#count += 8;
    }
    return (this.#held >>> (this.#count - count)) & ((1 << count) - 1);
  }

  skip(count: number): void {
    this.#count -= count;
    if (8 * (this.#at - this.bytes.length) > this.#count) throw new Error('the bzip2 stream ends early');
  }

  /** Drops the rest of a byte. */
  align(): void {
    this.#count -= this.#count % 8;
  }

  get atEnd(): boolean {
    return 8 * (this.bytes.length - this.#at) + this.#count <= 0;
  }
}

/**
 * Codes of one table: those of `n` bits are at most `limit[n]`, and code c is the symbol `symbol[c - base[n]]`. Of those of at
 * most `PEEK` bits, `quick` has symbol · 32 + n for whatever follows them.
 */
interface CodeTable {
  readonly quick: Uint16Array;
  readonly limit: Int32Array;
  readonly base: Int32Array;
  readonly symbol: Uint16Array;
}

/** One block: read whole, then unpacked piece by piece. */
class Block {
  /** Of what has been handed out. */
  crc = 0;
  /** First the bytes, then in the upper 24 bits also where each byte's successor is. */
  readonly #links: Uint32Array;
  readonly #piece = new Uint8Array(CHUNK);
  #left = 0;
  #link = 0;
  /** The last byte, how often it came in a row, and how often it is still to come. */
  #last = -1;
  #run = 0;
  #repeats = 0;

  constructor(readonly size: number) {
    this.#links = new Uint32Array(size);
  }

  read(bits: BitReader): void {
    const links = this.#links;
    if (bits.read(1) === 1) throw new Error('a bzip2 block is randomised, as before 1998');
    const origin = bits.read(24);
    const used = readUsedBytes(bits);
    const { tables, selectors } = readTables(bits, used.length + 2);
    const end = used.length + 1;
    const count = new Uint32Array(256);
    let length = 0;
    let run = 0;
    let unit = 1;
    for (let g = 0, left = 0, table = tables[0]; ; left--) {
      if (left === 0) {
        if (g === selectors.length) throw new Error('a bzip2 block has too few selectors');
        table = tables[selectors[g++]];
        left = GROUP;
      }
      const symbol = readSymbol(bits, table);
      if (symbol <= 1) {
        // the length of a run in bijective base 2
        run += unit << symbol;
        unit *= 2;
        if (run > links.length) throw new Error('a bzip2 block is too long');
        continue;
      }
      if (run > 0) {
        if (length + run > links.length) throw new Error('a bzip2 block is too long');
        links.fill(used[0], length, length + run);
        count[used[0]] += run;
        length += run;
        run = 0;
        unit = 1;
      }
      if (symbol === end) break;
      if (length === links.length) throw new Error('a bzip2 block is too long');
      const byte = used[symbol - 1];
      // most often few: a loop is faster than copyWithin
      for (let k = symbol - 1; k > 0; k--) used[k] = used[k - 1];
      used[0] = byte;
      count[byte]++;
      links[length++] = byte;
    }
    if (origin >= length) throw new Error('a bzip2 block begins outside itself');
    for (let byte = 0, sum = 0; byte < 256; byte++) {
      const own = count[byte];
      count[byte] = sum;
      sum += own;
    }
    for (let i = 0; i < length; i++) links[count[links[i] & 255]++] |= i << 8;
    this.#link = links[origin] >>> 8;
    this.#left = length;
    this.#last = -1;
    this.#run = this.#repeats = this.crc = 0;
  }

  /** The next piece; empty at the end. */
  next(): Uint8Array {
    const piece = this.#piece;
    const links = this.#links;
    let [left, link, last, run, repeats] = [this.#left, this.#link, this.#last, this.#run, this.#repeats];
    let crc = ~this.crc;
    let at = 0;
    while (at < CHUNK) {
      if (repeats > 0) repeats--;
      else {
        if (left === 0) break;
        left--;
        const entry = links[link];
        link = entry >>> 8;
        const byte = entry & 255;
        if (run === 4) {
          // after four equal bytes comes how many more there are
          repeats = byte;
          run = 0;
          continue;
        }
        run = byte === last ? run + 1 : 1;
        last = byte;
      }
      crc = (crc << 8) ^ crcTable[(crc >>> 24) ^ last];
      piece[at++] = last;
    }
    [this.#left, this.#link, this.#last, this.#run, this.#repeats] = [left, link, last, run, repeats];
    this.crc = ~crc;
    return piece.subarray(0, at);
  }
}

function readUsedBytes(bits: BitReader): Uint8Array {
  const used = [];
  const groups = bits.read(16);
  for (let high = 0; high < 16; high++) {
    if (((groups >> (15 - high)) & 1) === 0) continue;
    const members = bits.read(16);
    for (let low = 0; low < 16; low++) if (((members >> (15 - low)) & 1) === 1) used.push(16 * high + low);
  }
  if (used.length === 0) throw new Error('a bzip2 block uses no bytes');
  return Uint8Array.from(used);
}

function readTables(bits: BitReader, symbols: number): { tables: CodeTable[]; selectors: Uint8Array } {
  const number = bits.read(3);
  if (number < 2 || number > 6) throw new Error('a bzip2 block has no code tables');
  const selectors = new Uint8Array(bits.read(15));
  const recent = Uint8Array.from({ length: number }, (_, t) => t);
  for (let s = 0; s < selectors.length; s++) {
    let rank = 0;
    while (bits.read(1) === 1) if (++rank === number) throw new Error('a bzip2 block selects no code table');
    const table = recent[rank];
    recent.copyWithin(1, 0, rank);
    recent[0] = table;
    selectors[s] = table;
  }
  return { tables: Array.from({ length: number }, () => readTable(bits, symbols)), selectors };
}

function readTable(bits: BitReader, symbols: number): CodeTable {
  const lengths = new Uint8Array(symbols);
  let length = bits.read(5);
  for (let s = 0; s < symbols; s++) {
    for (;;) {
      if (length < 1 || length > MAX_CODE_BITS) throw new Error('a bzip2 code has no length');
      if (bits.read(1) === 0) break;
      length += bits.read(1) === 0 ? 1 : -1;
    }
    lengths[s] = length;
  }
  const limit = new Int32Array(MAX_CODE_BITS + 1).fill(-1);
  const base = new Int32Array(MAX_CODE_BITS + 1);
  const symbol = new Uint16Array(symbols);
  const quick = new Uint16Array(2 ** PEEK);
  let code = 0;
  let placed = 0;
  for (let n = 1; n <= MAX_CODE_BITS; n++, code *= 2) {
    base[n] = code - placed;
    for (let s = 0; s < symbols; s++) {
      if (lengths[s] !== n) continue;
      symbol[placed++] = s;
      // codes that overlap are beyond the end, and ignored
      if (n <= PEEK) quick.fill(32 * s + n, code << (PEEK - n), (code + 1) << (PEEK - n));
      code++;
    }
    limit[n] = code - 1;
  }
  return { quick, limit, base, symbol };
}

function readSymbol(bits: BitReader, { quick, limit, base, symbol }: CodeTable): number {
  const known = quick[bits.peek(PEEK)];
  if (known !== 0) {
    bits.skip(known & 31);
    return known >> 5;
  }
  const peeked = bits.peek(MAX_CODE_BITS);
  for (let n = PEEK + 1; n <= MAX_CODE_BITS; n++) {
    const code = peeked >> (MAX_CODE_BITS - n);
    if (code > limit[n]) continue;
    const at = code - base[n];
    // of codes that overlap
    if (at < 0 || at >= symbol.length) break;
    bits.skip(n);
    return symbol[at];
  }
  throw new Error('a bzip2 block has a code that is none');
}
