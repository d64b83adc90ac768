import type { Declared } from './command-line.js';
import { wrapped } from './wrap.js';

/** A part of a help page: a title, and lines as they are or rows of a name and what it is. */
export interface HelpPart {
  readonly title: string;
  readonly lines?: readonly string[];
  readonly rows?: readonly HelpRow[];
}

export type HelpRow = readonly [name: string, text: string];

/** Columns of a page: the terminal's, from 40 to 100; 80 for whatever is no terminal. */
const WIDTH = process.stdout.isTTY ? Math.min(100, Math.max(40, process.stdout.columns || 80)) : 80;
/** Longest name beside which its text begins; that of a longer one begins below it. */
const LONGEST_NAME = 26;

/** A help page, as wide as the terminal; words are never broken, nor are commands. */
export function helpPage(parts: readonly HelpPart[], after?: string): string {
  const names = parts.flatMap(({ rows = [] }) => rows.map(([name]) => name.length));
  const column = Math.max(0, ...names.filter((length) => length <= LONGEST_NAME));
  const blocks = parts.map(({ title, lines = [], rows = [] }) =>
    [
      ...wrapped(title, WIDTH),
      ...lines.map((line) => `  ${line}`),
      ...rows.flatMap((row) => rowLines(row, column)),
    ].join('\n'),
  );
  return `${[...blocks, ...(after === undefined ? [] : [wrapped(after, WIDTH).join('\n')])].join('\n\n')}\n`;
}

function rowLines([name, text]: HelpRow, column: number): string[] {
  const lines = wrapped(text, WIDTH - column - 4);
  const beside = name.length <= column ? lines.shift() : undefined;
  const first = beside === undefined ? `  ${name}` : `  ${name.padEnd(column)}  ${beside}`;
  return [first, ...lines.map((line) => ' '.repeat(column + 4) + line)];
}

/** Commands and what each is for, side by side where there is room, for {@link HelpPart.lines}. */
export function exampleLines(examples: readonly HelpRow[]): string[] {
  const width = Math.max(...examples.map(([command, text]) => (text === '' ? 0 : command.length)));
  const longest = Math.max(...examples.map(([, text]) => text.length));
  if (2 + width + 2 + longest > WIDTH)
    return examples.flatMap(([command, text]) => [command, ...(text === '' ? [] : [`  ${text}`])]);
  return examples.map(([command, text]) => `${command.padEnd(width)}  ${text}`.trimEnd());
}

/** The row of every option that has a description. */
export function optionRows(declared: Readonly<Record<string, Declared>>): HelpRow[] {
  return Object.entries(declared).flatMap(([name, option]) => {
    const { type, short, description, placeholder = option.path === true ? 'PATH' : 'TEXT' } = option;
    if (description === undefined) return [];
    const value = type === 'boolean' ? '' : option.optional === undefined ? ` ${placeholder}` : ` [${placeholder}]`;
    return [[`--${name}${short === undefined ? '' : `, -${short}`}${value}`, description] as const];
  });
}
