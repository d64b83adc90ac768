import { UsageError } from '../errors.js';

/** What is given in the place of text, by its first bytes in hexadecimal, and what to do about it. */
const NO_TEXT = [
  { magic: '504b0304', what: 'a zip archive, as .npz and .xlsx are too; unpack it, or save a .csv or .npy file' },
  { magic: '28b52ffd', what: 'packed with zstd; unpack it, or pack it with gzip, xz or bzip2' },
];

/** Bytes before the text begins: the byte order mark of UTF-8. @throws UsageError for what is no UTF-8 text, by its name */
export function textStart(bytes: Uint8Array, path: string): number {
  const [a, b, c, d] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return 3;
  const wide = (name: string) => new UsageError(`${path} is ${name} text; save it as UTF-8`);
  if ((a === 0xff && b === 0xfe && c === 0 && d === 0) || (a === 0 && b === 0)) throw wide('UTF-32');
  // with its mark, or a character of one byte in two
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff) || a === 0 || b === 0) throw wide('UTF-16');
  const begin = Buffer.from(bytes.subarray(0, 4)).toString('hex');
  const other = NO_TEXT.find(({ magic }) => magic === begin);
  if (other !== undefined) throw new UsageError(`${path} is ${other.what}`);
  return 0;
}

/** Characters of a number: no f64 needs as many, written out. */
const MAX_DIGITS = 2000;

/** The whole number in bytes[from, to); NaN when there is anything but digits. Exact up to 2^53. */
export function parseIndex(bytes: Buffer, from: number, to: number): number {
  let number = from < to ? 0 : Number.NaN;
  for (let at = from; at < to; at++) {
    const digit = bytes[at] - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    number = 10 * number + digit;
  }
  return number;
}

/** The decimal number in bytes[from, to), correctly rounded; NaN when it is none, infinite when it is out of range. */
export function parseNumber(bytes: Buffer, from: number, to: number): number {
  if (to - from > MAX_DIGITS) return Number.NaN;
  let digits = from < to;
  for (let at = from; at < to; at++) {
    const byte = bytes[at];
    if (byte >= 48 && byte <= 57) continue;
    digits = false;
    // `Number` knows more than decimal numbers: 0x1F, Infinity
    const decimal = byte === 43 || byte === 45 || byte === 46 || byte === 101 || byte === 69;
    if (!decimal) return Number.NaN;
  }
  if (digits && to - from <= 15) return parseIndex(bytes, from, to);
  return from < to ? Number(bytes.toString('latin1', from, to)) : Number.NaN;
}

/** What stands at bytes[from, to), for a message: in quotes, and not all of it when it is long. */
export function quoted(bytes: Buffer, from: number, to: number): string {
  return JSON.stringify(bytes.toString('utf8', from, Math.min(to, from + 40)));
}
