import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeOptions } from '@flotilla/server/internal';
import { describe, expect, test } from 'vitest';
import { dashed } from '../dist/cli/arguments.js';
import { commandLine } from './command-line.js';

const { folder, flotilla, flotillaWords } = commandLine('words');

describe('values as a shell hands them over', () => {
  const tiny = '--problem quadratic:d=9 --method gd --workers 2 --transport loopback --rounds 2 --quiet';
  const config = (out: string) => JSON.parse(readFileSync(join(folder(), out, 'config.json'), 'utf8'));

  test('a value may begin with a dash', async () => {
    expect(await flotilla(`${tiny} --seed -1 --target-loss -1e9 --out -x`)).toMatchObject({ code: 0, stderr: '' });
    expect(config('-x')).toMatchObject({ seed: '-1', targetLoss: -1e9, out: '-x' });
    expect((await flotilla(`${tiny} --seed=-q --out=dash`)).code).toBe(0);
    expect(config('dash')).toMatchObject({ seed: '-q' });
  });

  test('an empty one is refused, and nothing is written', async () => {
    const before = readdirSync(folder());
    for (const given of [['--out='], ['--out', '']]) {
      const { code, stderr } = await flotillaWords([...tiny.split(' '), ...given]);
      expect({ code, stderr }).toEqual({ code: 2, stderr: 'flotilla: --out must not be empty\n' });
    }
    expect(readdirSync(folder())).toEqual(before);
  });

  test.each(['--workers 0x2', '--step-size 0x1', '--uplink rand-k:k=0x1', '--problem quadratic:d=0x9'])(
    '%s is not decimal',
    async (args) => {
      const { code, stdout, stderr } = await flotilla(`${tiny} --method marina ${args}`);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/^flotilla: .*0x\d.*\n$/);
    },
  );

  test('~/ that the shell has left is the home folder; without one it is refused', async () => {
    const home = join(folder(), 'home');
    mkdirSync(home);
    expect(await flotilla(`${tiny} --out=~/run`, undefined, { HOME: home })).toMatchObject({ code: 0 });
    expect(existsSync(join(home, 'run', 'summary.json'))).toBe(true);
    expect((await flotilla(`${tiny} --out=~/run`, undefined, { HOME: '' })).stderr).toBe(
      'flotilla: --out "~/run" begins with ~, and there is no home folder; write the whole path\n',
    );
    const inside = await flotilla(`${tiny} --out ./~/run`);
    expect(inside.stderr).toBe(
      'flotilla: --out "./~/run" cannot be written: a folder called ~ is not made; write the whole path\n',
    );
    expect(existsSync(join(folder(), '~'))).toBe(false);
  });
});

describe('help', () => {
  test('of a bench fits 80 columns too', async () => {
    const { stdout } = await flotilla('bench methods --help');
    expect(stdout).toContain('--step-base VALUE');
    for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
  });

  test('groups the options, the usual ones first, all of them with --all', async () => {
    const usual = (await flotilla('--help')).stdout;
    const all = (await flotilla('--help --all')).stdout;
    const groups = ['Examples', 'Commands', 'What to train', 'How to train', 'When to stop', 'Output', 'System'];
    for (const page of [usual, all]) expect(page.match(/^[A-Z].*$/gm)?.slice(0, groups.length)).toEqual(groups);
    const described = describeOptions().map(({ name }) => `--${dashed(name)}`);
    for (const option of described) expect(all).toMatch(new RegExp(`^ {2}${option}( |,|$)`, 'm'));
    expect(described.some((option) => !new RegExp(`^ {2}${option}( |,|$)`, 'm').test(usual))).toBe(true);
    expect(usual).toContain('--help --all lists');
  });
});
