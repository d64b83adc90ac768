import { number } from '../terminal/format.js';

/** A table of results, the same on the terminal and in a page. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  /** Numbers are shown with a few digits; `null` is a value that there is none of. */
  readonly rows: readonly (readonly (string | number | null)[])[];
}

/** A cell as text. */
export function cellText(cell: string | number | null): string {
  if (cell === null) return '–';
  return typeof cell === 'string' ? cell : Number.isInteger(cell) ? String(cell) : number(cell);
}

/** The table as lines of text, its first column to the left and the others to the right. */
export function tableText({ title, columns, rows }: Table): string {
  const cells = [columns, ...rows.map((row) => row.map(cellText))];
  const widths = columns.map((_, k) => Math.max(...cells.map((row) => (row[k] ?? '').length)));
  const pad = (text: string, k: number) => (k === 0 ? text.padEnd(widths[k] ?? 0) : text.padStart(widths[k] ?? 0));
  return [title, ...cells.map((row) => row.map(pad).join('   ').trimEnd())].join('\n');
}

/** The table as Markdown, its title above it. */
export function tableMarkdown({ title, columns, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const head = [line(columns), line(columns.map(() => '---'))];
  return [...(title === '' ? [] : [title, '']), ...head, ...rows.map((row) => line(row.map(cellText)))].join('\n');
}
