import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { fit } from '../dist/terminal/fit.js';
import { shortBytes } from '../dist/terminal/format.js';
import { Pace } from '../dist/terminal/pace.js';
import { wrapped } from '../dist/terminal/wrap.js';
import { flotilla, main } from './command-line.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-terminal-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const QUADRATIC = 'start --problem quadratic --workers 3 --threads 2';

test.each([
  [0, '0B'],
  [999, '999B'],
  [1234, '1.23K'],
  [1234567, '1.23M'],
  [2e12, '2.00T'],
])('%d bytes in few columns: %s', (count, text) => {
  expect(shortBytes(count)).toBe(text);
});

describe('parts that fit a line', () => {
  const parts = [['12/30'], ['40%', ''], ['\x1b[1m7 rounds/s\x1b[22m', '\x1b[1m7/s\x1b[22m']] as const;
  test.each([
    [30, '12/30 · 40% · 7 rounds/s'],
    [24, '12/30 · 40% · 7 rounds/s'],
    [23, '12/30 40% 7 rounds/s'],
    [19, '12/30 7 rounds/s'],
    [15, '12/30 7/s'],
    [5, '12/30 7/s'],
  ])('in %d columns: %s', (width, line) => {
    expect(stripVTControlCharacters(fit(parts, [1, 2], width))).toBe(line);
  });

  test('words are wrapped whole', () => {
    expect(wrapped('one two three-and-more four', 9)).toEqual(['one two', 'three-and-more', 'four']);
  });
});

describe('how fast a run is and what is left of it', () => {
  const at = (round: number, seconds: number) => ({
    round,
    seconds,
    uplinkBytes: 300 * round,
    downlinkBytes: 100 * round,
  });
  /** 20 rounds a second by the rounds' clock; as long again is spent on evaluations. */
  const pace = (rules: ConstructorParameters<typeof Pace>[0]) => {
    const given = new Pace(rules);
    for (let second = 0; second <= 4; second++) given.reach(at(20 * second, second), 2000 * second);
    return given;
  };

  test('rounds a second are those of the rounds’ clock; what is left is by the clock on the wall', () => {
    const run = pace({ rounds: 200, divergedFactor: 0 });
    expect(run.roundsPerSecond).toBe(20);
    expect(run.fraction).toBe(80 / 200);
    // 120 rounds at 10 a second of the wall
    expect(run.secondsLeft(8000)).toBe(12);
    expect(run.secondsLeft(9500)).toBe(10.5);
    expect(run.secondsLeft(60_000)).toBe(0);
  });

  test.each([
    ['a limit of time', { timeLimit: 10 }, 0.4, 12],
    ['a limit of bytes', { maxBytes: 64_000 }, 0.5, 8],
    ['the first of several', { rounds: 1000, timeLimit: 5, maxBytes: 64_000 }, 0.8, 2],
    ['a target alone', { target: 1e-3 }, undefined, undefined],
  ])('%s', (_what, rules, fraction, left) => {
    const run = pace({ ...rules, divergedFactor: 0 });
    expect([run.fraction, run.secondsLeft(8000)]).toEqual([fraction, left]);
    expect(run.isAtMost).toBe('target' in rules);
  });

  test('of a run that goes on, and of the last ten seconds only', () => {
    const run = new Pace({ rounds: 2000, divergedFactor: 0 });
    run.reach(at(1000, 500), 0);
    expect([run.roundsPerSecond, run.secondsLeft(0)]).toEqual([undefined, undefined]);
    for (let second = 1; second <= 30; second++) run.reach(at(1000 + second, 500 + second), 1000 * second);
    expect(run.roundsPerSecond).toBe(1);
    for (let second = 31; second <= 41; second++) run.reach(at(1030 + 9 * (second - 30), 500 + second), 1000 * second);
    expect(run.roundsPerSecond).toBe(9);
  });

  test('thousands of rows a second are no load', () => {
    const run = new Pace({ rounds: 1e6, divergedFactor: 0 });
    for (let k = 0; k <= 40_000; k++) run.reach(at(k, k / 2000), k / 2);
    expect(run.roundsPerSecond).toBeCloseTo(2000, 0);
    expect(run.secondsLeft(20_000)).toBeCloseTo(480, 0);
  });
});

/** Runs the command in a pseudo-terminal of so many columns; what it wrote there. */
function inTerminal(columns: number, words: string, variables: Record<string, string> = {}) {
  const { CI: _, NO_COLOR: _n, FORCE_COLOR: _f, ...env } = process.env;
  const line = `stty cols ${columns} rows 24; '${process.execPath}' '${main}' ${words}`;
  const { stdout, status } = spawnSync('script', ['-qec', line, '/dev/null'], {
    cwd: folder,
    env: { ...env, TERM: 'xterm', ...variables },
    encoding: 'utf8',
  });
  return { code: status, written: stdout };
}
const hasTerminal = spawnSync('script', ['--version']).error === undefined;

const ESCAPE = '\x1b';
/** The lines on the screen, as often as they were drawn. */
const drawnLines = (written: string) =>
  written.split(new RegExp(`[\\r\\n]|${ESCAPE}\\[\\d+G`)).map((line) => stripVTControlCharacters(line).trimEnd());

describe.runIf(hasTerminal)('in a terminal', () => {
  test.each([40, 80, 200])('of %d columns everything fits', (columns) => {
    const { code, written } = inTerminal(columns, `${QUADRATIC} --rounds 500 --out w${columns}`);
    expect(code).toBe(0);
    const lines = drawnLines(written);
    const isCommand = (line: string) => line.startsWith('flotilla ');
    expect(lines.filter((line) => line.length > columns && !isCommand(line))).toEqual([]);
    const text = lines.join('\n');
    // what there is before the first round, which may be there before it is drawn twice
    expect(text).toMatch(/reading data|starting|building/);
    // the last state of the bar: one line, or two
    const last = /█+ 500\/500.*(?:\n+f .*)?/.exec(text)?.[0] ?? '';
    expect(last).toMatch(/rounds\/s|\d\/s/);
    expect(last).toMatch(/f -[\d.]+/);
    expect(last).toMatch(/‖∇f‖² \d/);
    expect(last).toMatch(/↑[\d.]+ ?[MK]/);
    expect(last).toMatch(/↓[\d.]+ ?[MK]/);
    expect(text).toContain(`run folder: w${columns}`);
    expect(text).toContain(`\nflotilla start --resume w${columns} --rounds 1000`);
    // the cursor is shown and lines wrap again
    expect(written.lastIndexOf('\x1b[?25h')).toBeGreaterThan(written.lastIndexOf('\x1b[?25l'));
    expect(written.lastIndexOf('\x1b[?7h')).toBeGreaterThan(written.lastIndexOf('\x1b[?7l'));
    expect(written).toContain('\x1b[32m');
  });

  test('without colours where NO_COLOR says so; a failure shows the cursor, and its first word in red', () => {
    const words = `${QUADRATIC} --rounds 50`;
    expect(inTerminal(80, `${words} --out plain`, { NO_COLOR: '1' }).written).not.toMatch(
      new RegExp(`${ESCAPE}\\[\\d+m`),
    );
    const { code, written } = inTerminal(80, `${words} --out far --step-size 1e9`);
    expect(code).toBe(1);
    expect(written).toContain('\x1b[31mflotilla:\x1b[39m diverged');
    expect(written.lastIndexOf('\x1b[?25h')).toBeGreaterThan(written.lastIndexOf('\x1b[?25l'));
  });

  test.each<Record<string, string>>([{ CI: 'true' }, { TERM: 'dumb' }])(
    'with %o there are lines without control characters',
    (variables) => {
      const { written } = inTerminal(80, `${QUADRATIC} --rounds 20 --out ${Object.keys(variables)[0]} `, variables);
      expect(written).toContain('round 20  f ');
      expect(stripVTControlCharacters(written)).toBe(written);
      expect(written.replaceAll('\r\n', '')).not.toContain('\r');
    },
  );

  test('help is as wide as the terminal', () => {
    const { written } = inTerminal(70, 'start --help');
    const described = drawnLines(written).filter((line) => /^ {20}/.test(line));
    expect(described.length).toBeGreaterThan(10);
    expect(Math.max(...described.map((line) => line.length))).toBeLessThanOrEqual(70);
  });
});

test('a log has the first rows, then one a second, and the last', async () => {
  const { code, stderr } = await flotilla(`${QUADRATIC} --rounds 4000 --out log`.split(' '), folder);
  expect(code).toBe(0);
  const rounds = [...stderr.matchAll(/^round (\d+) {2}f /gm)].map((match) => Number(match[1]));
  expect(rounds.slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, k) => 10 * k));
  expect(rounds.at(-1)).toBe(4000);
  expect(rounds.length).toBeLessThan(200);
});
