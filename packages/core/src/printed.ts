import { inspect } from 'node:util';

/** Longest text that an error shows in full. */
const MAX_SHOWN = 200;

/** Characters that a terminal obeys or that reorder a line. JSON escapes those below U+0020 only. */
const UNSEEN = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/**
 * A value as an error shows it: on one line, of bounded length, texts in quotes. Never throws, whatever the value: circular, a BigInt,
 * a revoked proxy, with methods or getters that throw (none is called).
 */
export function printed(value: unknown): string {
  if (typeof value === 'string') {
    if (value.length <= MAX_SHOWN) return escaped(JSON.stringify(value));
    return `${escaped(JSON.stringify(value.slice(0, MAX_SHOWN / 4)))}… (${value.length} characters)`;
  }
  // its digits take time that grows with their square
  if (typeof value === 'bigint' && BigInt.asIntN(256, value) !== value) return 'a BigInt of more than 256 bits';
  let text: string;
  try {
    const bounds = { depth: 1, maxArrayLength: 5, maxStringLength: 40 };
    text = inspect(value, { ...bounds, breakLength: Number.POSITIVE_INFINITY, customInspect: false });
  } catch {
    text = 'a value that cannot be printed';
  }
  const line = escaped(text.slice(0, 2 * MAX_SHOWN).replace(/\s+/g, ' '));
  return line.length <= MAX_SHOWN ? line : `${line.slice(0, MAX_SHOWN)}…`;
}

/** A text as an error shows it: without quotes where it is a short word of plain letters, digits and signs. */
export function printedWord(text: string): string {
  return /^[!-~]{1,100}$/.test(text) ? text : printed(text);
}

const escaped = (text: string) =>
  text.replace(UNSEEN, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
