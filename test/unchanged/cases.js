import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { explanationCases, folderCases, reportCases, usageCases } from './commands.js';
import { runCases, variantCases } from './runs.js';

/** What the table is made of: for each row's id, how it is measured. @typedef {import('./commands.js').Cases} Cases */

/** By the test file that measures them; two files run at a time. @type {Record<string, () => Cases>} */
export const groups = {
  runs: runCases,
  variants: variantCases,
  commands: () => ({ ...explanationCases(), ...usageCases(), ...folderCases(), ...reportCases() }),
};

export const folder = fileURLToPath(new URL('.', import.meta.url));
const path = fileURLToPath(new URL('table.json', import.meta.url));

/** The rows as they are on record, by id. @returns {Record<string, unknown>} */
export function readTable() {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** One line a row, so that a difference names its row. @param {Record<string, unknown>} rows */
export function writeTable(rows) {
  const lines = Object.entries(rows).map(([id, row]) => `${JSON.stringify(id)}: ${JSON.stringify(row)}`);
  writeFileSync(path, `{\n${lines.join(',\n')}\n}\n`);
}
