// The adaptive code as docs/wire-format.md has it, one number after the other: independent of the assembly, and slow.

const SEEN = [3, 9, 20, 44, 92, 188];

class Sums {
  /** In units of 2⁻¹⁶: that a symbol is at most k. */
  readonly at = Array.from({ length: 15 }, (_, k) => Math.floor(65535 * (1 - product(0.78, k + 1)) + 0.5));
  seen = 0;

  constructor(private readonly steps: number) {}

  learn(symbol: number): void {
    const shift = 2 + SEEN.slice(0, this.steps).filter((n) => this.seen >= n).length;
    for (let k = 0; k < 15; k++) {
      const less = Math.max(0, this.at[k] - Math.floor(this.at[k] / 2 ** shift) - 1);
      this.at[k] = Math.min(65535, less + (k >= symbol ? 2 ** (16 - shift) + 1 : 0));
    }
    this.seen++;
  }
}

function product(factor: number, times: number): number {
  let value = 1;
  for (let k = 0; k < times; k++) value *= factor;
  return value;
}

const average = (a: number, b: number) => Math.ceil((a + b) / 2);

/** Reads `count` numbers (magnitude · 2 + sign) from a whole code, which must be a right one. */
export function readAdaptively(bytes: Uint8Array, count: number): number[] {
  if (count === 0) return [];
  const size = (bytes[0] & 1) === 1 ? 4 : 3;
  let x = Math.floor([...bytes.subarray(0, size)].reduce((sum, byte, b) => sum + byte * 256 ** b, 0) / 2);
  let at = size;
  const take = (start: number, width: number) => {
    x = width * Math.floor(x / 32768) + (x % 32768) - start;
    if (x >= 32768) return;
    x = 65536 * x + bytes[at] + 256 * bytes[at + 1];
    at += 2;
  };
  const takeBits = (bits: number) => {
    const value = Math.floor((x % 32768) / 2 ** (15 - bits));
    take(value * 2 ** (15 - bits), 2 ** (15 - bits));
    return value;
  };
  /** A symbol by its sums, and a sign where it has one. */
  const takeSymbol = (sums: readonly number[], signed: boolean) => {
    const coded = [0, ...sums.map((s, k) => Math.floor(s / 4) - Math.floor(s / 4096) + k + 1), 16384];
    const place = x % 32768;
    const symbol = coded.findIndex((c) => 2 * c > place) - 1;
    const width = (coded[symbol + 1] as number) - (coded[symbol] as number);
    const start = 2 * (coded[symbol] as number);
    const hasSign = signed && symbol > 0;
    const sign = hasSign && place >= start + width ? 1 : 0;
    take(start + sign * width, hasSign ? width : 2 * width);
    return { symbol, sign };
  };

  const all = new Sums(4);
  const further = Array.from({ length: 4 }, () => new Sums(4));
  const classes = Array.from({ length: 8 }, () => new Sums(6));
  const numbers: number[] = [];
  let [before, beforeIt] = [2, 2];
  for (let i = 0; i < count; i++) {
    const sum = before + beforeIt;
    const own = classes[[0, 1, 3, 5, 8, 12, 17].filter((limit) => sum > limit).length] as Sums;
    const mixed = all.at.map((a, k) => {
      const b = own.at[k] as number;
      if (own.seen < 4) return a;
      if (own.seen < 40) return average(average(a, b), a);
      return own.seen < 180 ? average(a, b) : average(average(a, b), b);
    });
    const { symbol, sign } = takeSymbol(mixed, count - i > 30);
    all.learn(symbol);
    own.learn(symbol);
    let token = symbol;
    for (let level = 0, more = symbol === 15; more; level++) {
      const next = takeSymbol((further[level] as Sums).at, false).symbol;
      (further[level] as Sums).learn(next);
      token += next;
      more = next === 15;
    }
    let magnitude = token;
    if (token >= 16) {
      const octave = 4 + ((token - 16) >> 1);
      magnitude = 2 ** octave + (token & 1) * 2 ** (octave - 1);
      for (let got = 0; got < octave - 1; got += 15) magnitude += takeBits(Math.min(15, octave - 1 - got)) * 2 ** got;
    }
    numbers.push(2 * magnitude + sign);
    beforeIt = before;
    before = token;
  }
  const last = [...numbers.keys()].slice(-30).filter((i) => numbers[i] !== 0);
  let signs = last.length > 15 ? takeBits(last.length - 15) * 32768 : 0;
  signs += x - 32768;
  if (x < 32768 || x > 65535 || at !== bytes.length || signs >= 2 ** last.length) throw new Error('not a right code');
  for (const i of last) {
    numbers[i] += signs % 2;
    signs = Math.floor(signs / 2);
  }
  return numbers;
}
