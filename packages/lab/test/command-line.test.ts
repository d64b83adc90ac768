import { UsageError } from '@flotilla/core';
import { parseOptions } from '@flotilla/server';
import { describeOptions } from '@flotilla/server/internal';
import { describe, expect, test } from 'vitest';
import { asGiven, dashed, readArguments } from '../dist/cli/arguments.js';
import { benchHelp } from '../dist/cli/bench.js';
import { commands } from '../dist/cli/commands.js';
import { startHelp } from '../dist/cli/help.js';
import { reportHelp } from '../dist/cli/report.js';
import { reproduceHelp } from '../dist/cli/reproduce.js';
import { countOption, readCommandLine } from '../dist/terminal/command-line.js';

describe('words of a command line', () => {
  const declared = {
    out: { type: 'string' },
    plugin: { type: 'string', multiple: true },
    json: { type: 'boolean' },
    quiet: { type: 'boolean', short: 'q' },
    help: { type: 'boolean', short: 'h' },
    trust: { type: 'boolean', negatable: true },
  } as const;
  const read = (...words: string[]) => readCommandLine(words, declared);

  test.each<[string[], object, string[]?]>([
    [[], {}],
    [['--out', 'a'], { out: 'a' }],
    [['--out=a=b'], { out: 'a=b' }],
    [['--out', 'a', '--out=b'], { out: 'b' }],
    [['--out', '-1'], { out: '-1' }],
    [['--out', '-x'], { out: '-x' }],
    [['--out', '-'], { out: '-' }],
    [['--out=--json'], { out: '--json' }],
    [['--out=-q'], { out: '-q' }],
    [['--out', 'two words\nand a line'], { out: 'two words\nand a line' }],
    [['--plugin', 'a', '--plugin=b'], { plugin: ['a', 'b'] }],
    [['--json', '-q'], { json: true, quiet: true }],
    [['-qh'], { quiet: true, help: true }],
    [['--trust'], { trust: true }],
    [['--trust', '--no-trust'], { trust: false }],
    [['a', '--json', 'b', '-'], { json: true }, ['a', 'b', '-']],
    [['--json', '--', '--out', '-q'], { json: true }, ['--out', '-q']],
  ])('%j', (words, values, positionals = []) => {
    expect(read(...words)).toEqual({ values, positionals });
  });

  test.each<[string[], string]>([
    [['--out'], '--out needs a value'],
    [['--out', '--json'], '--out needs a value'],
    [['--out', '--plugin=a'], '--out needs a value'],
    [['--out', '--other'], '--out needs a value; if that is "--other", write --out=--other'],
    [['--out', '-hq'], '--out needs a value; if that is "-hq", write --out=-hq'],
    [['--out', ''], '--out must not be empty'],
    [['--plugin='], '--plugin must not be empty'],
    [['--json=yes'], '--json takes no value; leave out "yes"'],
    [['--json='], '--json takes no value; leave out ""'],
    [['--no-json'], 'unknown option --no-json; did you mean --json?'],
    [['--ouy', 'a'], 'unknown option --ouy; did you mean --out?'],
    [['--OUT=a'], 'unknown option --OUT; did you mean --out?'],
    [['--constructor'], 'unknown option --constructor; known: --out --plugin --json --quiet --help --trust'],
    [['-x'], 'unknown option -x; known: --out --plugin --json --quiet --help --trust'],
    [['-qx'], 'unknown option -qx; known: --out --plugin --json --quiet --help --trust'],
    [['--\u001b[2J'], 'unknown option "--\\u001b[2J"; known: --out --plugin --json --quiet --help --trust'],
  ])('%j is refused', (words, message) => {
    expect(() => read(...words)).toThrow(new UsageError(message));
  });

  test('a count is decimal', () => {
    expect(countOption('seeds', '12')).toBe(12);
    expect(countOption('seeds', undefined)).toBeUndefined();
    for (const text of ['0', '1001', '1.5', '0x2', ' 2', '1_0', 'two', 'Infinity']) {
      expect(() => countOption('seeds', text)).toThrow(`--seeds must be a whole number from 1 to 1000, not "${text}"`);
    }
  });
});

describe('options of a run', () => {
  const described = describeOptions();

  test.each(described)('--$name is read as its schema has it', ({ name, kind, choices }) => {
    const option = `--${dashed(name)}`;
    if (kind === 'flag') {
      expect(readArguments([option]).options[name]).toBe(true);
      expect(readArguments([`--no-${dashed(name)}`]).options[name]).toBe(false);
      expect(() => readArguments([`${option}=`])).toThrow(`${option} takes no value; leave out ""`);
      return;
    }
    expect(() => readArguments([option])).toThrow(`${option} needs a value`);
    expect(() => readArguments([`${option}=`])).toThrow(`${option} must not be empty`);
    const read = (text: string) => readArguments([option, text]).options[name];
    if (kind.startsWith('number')) {
      expect(read('-1.5e3')).toBe(-1500);
      for (const text of ['0x2', '0b1', '0o7', ' 2', '2 ', '1_0', 'Infinity', '1e999', ...choices])
        expect(read(text)).toBe(text);
      for (const text of ['0x2', ' 2', '1_0', 'Infinity']) {
        expect(() => parseOptions(readArguments([option, text]).options)).toThrow(`, not "${text}"`);
      }
    } else {
      expect(read('-1')).toEqual(kind === 'list' ? ['-1'] : '-1');
    }
  });

  test('one that is yes or no takes no value, and there is --no-NAME', () => {
    const trust = { ...described[0], name: 'seed', kind: 'flag', preset: undefined } as (typeof described)[number];
    const read = (...words: string[]) => readArguments(words, [trust]).options;
    expect(read('--seed')).toEqual({ seed: true });
    expect(read('--no-seed')).toEqual({ seed: false });
    expect(() => read('--seed=yes')).toThrow('--seed takes no value; leave out "yes"');
  });

  test('errors of the library call an option as the command line does', () => {
    let thrown: unknown;
    try {
      parseOptions({ evalEvery: 0 });
    } catch (error) {
      thrown = error;
    }
    expect(asGiven(thrown)).toMatchObject({
      code: 'usage',
      message: '--eval-every must be a whole number from 1 to 1000000000, not 0',
      cause: thrown,
    });
    const other = new Error('evalEvery');
    expect(asGiven(other)).toBe(other);
  });
});

describe('help', () => {
  const pages = ['pnpm', 'flotilla'].flatMap((program): [string, string][] => [
    [`${program} start`, startHelp(`${program} start`, { all: false, commands })],
    [`${program} start, all`, startHelp(`${program} start`, { all: true })],
    [`${program} bench`, benchHelp(`${program} bench`)],
    [`${program} report`, reportHelp(`${program} report`)],
    [`${program} reproduce`, reproduceHelp(`${program} reproduce`)],
  ]);

  test.each(pages)('of %s fits 80 columns, examples first, no word broken', (_, page) => {
    expect(page).toMatch(/^Examples\n {2}(?:pnpm|flotilla) /);
    for (const line of page.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    for (const line of page.split('\n')) expect(line).not.toMatch(/ $/);
  });

  test('has every word of every description', () => {
    const words = startHelp('flotilla start', { all: true }).split(/\s+/).join(' ');
    for (const { description } of describeOptions()) expect(words).toContain(description);
  });
});
