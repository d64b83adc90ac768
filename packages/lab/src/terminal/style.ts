import { stripVTControlCharacters, styleText } from 'node:util';

/** How a stream shows what a word is; nothing is styled where the stream is no terminal, or NO_COLOR says so (unless FORCE_COLOR does). */
export interface Style {
  /** What matters most. */
  strong(text: string): string;
  /** What names a value. */
  label(text: string): string;
  done(text: string): string;
  bad(text: string): string;
}

/** Of the sixteen colours that every theme sets: those that can be read on light and on dark. */
export function styleOf(stream: NodeJS.WritableStream): Style {
  const as = (format: Parameters<typeof styleText>[0]) => (text: string) =>
    text === '' ? '' : styleText(format, text, { stream });
  return { strong: as('bold'), label: as('dim'), done: as('green'), bad: as('red') };
}

/** Columns that a text takes, styles left out. */
export function widthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}
