import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { COLLECTION, catalogue } from '../dist/data/catalogue.js';
import { problems } from '../dist/problem/index.js';

const page = (name: string) => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');
/** The cells of the rows whose first cell is a name in backticks. */
const table = (text: string) =>
  [...text.matchAll(/^\| `(\w[^`]*)`.*\|$/gm)].map(([row, name]) => [
    name,
    ...row
      .split('|')
      .slice(2, -1)
      .map((c) => c.trim()),
  ]);

test('docs/problems.md has every problem, with its starting point and step size', () => {
  const text = page('problems.md');
  // the other tables of the page have fewer columns
  const rows = table(text).filter(({ length }) => length === 5);
  expect(rows.map(([name]) => name)).toEqual(Object.keys(problems));
  for (const [name, , , init, stepSize] of rows) {
    expect(init).toBe(`\`${problems[name].init}\``);
    const usual = problems[name].stepSize('gd');
    expect(stepSize).toBe(usual === 'theory' ? '`theory`' : 'tuned numbers');
    expect(text).toContain(`\n## ${name}\n`);
  }
});

test('docs/data.md has the catalogue', () => {
  const text = page('data.md');
  const rows = table(text).filter(([name]) => Object.hasOwn(catalogue, name));
  const expected = Object.entries(catalogue).map(([name, { samples, features, file, source }]) => [
    ...[name, samples.toLocaleString('en'), features.toLocaleString('en'), `\`${file}\``, source],
  ]);
  expect(rows).toEqual(expected);
  expect(text).toContain(`<${COLLECTION}>`);
});
