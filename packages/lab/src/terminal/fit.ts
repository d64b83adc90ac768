import { widthOf } from './style.js';

/** A part of a line, from its longest form to its shortest; '' leaves it out. */
export type Part = readonly [string, ...string[]];

/**
 * The parts that fit `width` columns side by side: first the room between them goes, then parts become shorter or are left out,
 * in the order that `first` has (a part as often as it has shorter forms).
 */
export function fit(parts: readonly Part[], first: readonly number[], width: number): string {
  const forms = parts.map(() => 0);
  const texts = () => parts.map((part, k) => part[forms[k] as number] ?? '').filter((text) => text !== '');
  const wide = texts().join(' · ');
  if (widthOf(wide) <= width) return wide;
  for (const k of [...first, undefined]) {
    const line = texts().join(' ');
    if (k === undefined || widthOf(line) <= width) return line;
    forms[k] = Math.min((forms[k] as number) + 1, (parts[k] as Part).length - 1);
  }
  return '';
}
