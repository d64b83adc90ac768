import { cellText, type Table } from './table.js';

/** What LaTeX reads otherwise, and letters that its usual fonts do not have. */
const SYMBOLS: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '{': '\\{',
  '}': '\\}',
  $: '\\$',
  '&': '\\&',
  '#': '\\#',
  _: '\\_',
  '%': '\\%',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '<': '\\(<\\)',
  '>': '\\(>\\)',
  '"': "''",
  '|': '\\(|\\)',
  '±': '\\(\\pm\\)',
  '×': '\\(\\times\\)',
  '·': '\\(\\cdot\\)',
  '≤': '\\(\\le\\)',
  '∇': '\\(\\nabla\\)',
  '‖': '\\(\\|\\)',
  '²': '\\(^2\\)',
  '–': '--',
  '−': '\\(-\\)',
  γ: '\\(\\gamma\\)',
  ω: '\\(\\omega\\)',
  β: '\\(\\beta\\)',
};

/** Text as LaTeX sets it, whatever is in it. */
export function escapeLatex(text: string): string {
  return text.split('‖∇f‖²').map(escapeLetters).join('\\(\\|\\nabla f\\|^2\\)');
}

function escapeLetters(text: string): string {
  const letters = [...text.replace(/[\s\p{Cc}]+/gu, ' ')];
  const set = letters.map((letter) => (Object.hasOwn(SYMBOLS, letter) ? SYMBOLS[letter] : letter)).join('');
  return set.replaceAll('\\)\\(', '');
}

/** A number, with its deviation and its unit where it has them. */
const FIGURE = /^-?\d[\d.,]*(?:e[+-]?\d+)?(?: [kMGTP]?B)?(?: ± \d[\d.,]*(?:e[+-]?\d+)?(?: [kMGTP]?B)?)?$/;

function latexCell(text: string): string {
  if (!FIGURE.test(text)) return escapeLatex(text);
  return text
    .replace(/-?\d[\d.,]*e[+-]?\d+/g, (value) => {
      const [mantissa, exponent] = value.split('e') as [string, string];
      return `\\(${mantissa}\\cdot10^{${Number(exponent)}}\\)`;
    })
    .replace(/^-(?=\d)/, '\\(-\\)')
    .replaceAll(' ±', ' \\(\\pm\\)')
    .replace(/ (?=[kMGTP]?B)/g, '\\,');
}

/** A table for a paper: booktabs rules (`\usepackage{booktabs}`), every text escaped. */
export function latexTable({ title, columns, rows }: Table): string {
  const line = (cells: readonly string[]) => `${cells.join(' & ')} \\\\`;
  return [
    '\\begin{table}',
    '\\centering',
    ...(title === '' ? [] : [`\\caption{${escapeLatex(title)}}`]),
    `\\begin{tabular}{l${'r'.repeat(Math.max(0, columns.length - 1))}}`,
    '\\toprule',
    line(columns.map(escapeLatex)),
    '\\midrule',
    ...rows.map((row) => line(row.map((cell) => latexCell(cellText(cell))))),
    '\\bottomrule',
    '\\end{tabular}',
    '\\end{table}',
    '',
  ].join('\n');
}
