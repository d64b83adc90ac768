import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareHelp } from '../dist/cli/compare.js';
import { exportHelp } from '../dist/cli/export.js';
import { reportHelp } from '../dist/cli/report.js';
import { sweepHelp } from '../dist/cli/sweep.js';
import { axisNumbers, readGrid } from '../dist/experiment/grid.js';
import { readScore } from '../dist/experiment/score.js';
import { flotilla } from './command-line.js';

const syntax = {
  flags: { '--json': 'json', '-q': 'quiet' },
  own: ['seeds', 'out'],
  lists: ['plugin'],
  refused: ['explain'],
};
const grid = (line: string) => readGrid(line.split(' '), syntax);

describe('a grid', () => {
  test('is written in braces, or as a shell leaves it that expands them, or with an option again', () => {
    const values = ['theory*0.5', 'theory*1', 'theory*2'];
    for (const line of [
      '--step-size theory*{0.5,1,2}',
      '--step-size=theory*{0.5,1,2}',
      '--step-size theory*0.5 theory*1 theory*2',
      '--step-size=theory*0.5 --step-size=theory*1 --step-size=theory*2',
      '--step-size theory*{0.5,1} --step-size theory*2',
    ]) {
      const { axes, points } = grid(line);
      expect(axes, line).toEqual([{ option: 'step-size', values }]);
      expect(points).toEqual(values.map((value) => [['step-size', value]]));
    }
  });

  test('has every combination, the last list fastest; what is the same everywhere is no axis', () => {
    const { axes, points, own, flags } = grid(
      '--method gd --workers {1..2} --uplink rand-k:k={1,2}{,+natural} --plugin a.js --plugin b.js --json --seeds 0..2 -q --seed -1',
    );
    expect(axes.map(({ option }) => option)).toEqual(['workers', 'uplink']);
    expect(axes[1]?.values).toEqual(['rand-k:k=1', 'rand-k:k=1+natural', 'rand-k:k=2', 'rand-k:k=2+natural']);
    expect(points.length).toBe(8);
    expect(points[1]).toEqual([
      ['method', 'gd'],
      ['workers', '1'],
      ['uplink', 'rand-k:k=1+natural'],
      ['plugin', 'a.js'],
      ['plugin', 'b.js'],
      ['seed', '-1'],
    ]);
    expect([...own]).toEqual([['seeds', '0..2']]);
    expect([...flags]).toEqual(['json', 'quiet']);
  });

  test.each([
    ['word', 'unexpected "word"'],
    ['--json word', 'unexpected "word"'],
    ['--rounds', '--rounds needs a value'],
    ['--rounds {1,2', '--rounds cannot be "{1,2"'],
    ['--rounds {1,{2,3}}', '--rounds cannot be "{1,{2,3}}"'],
    ['--rounds {3..1}', '--rounds cannot be "{3..1}": a range goes upwards'],
    ['--rounds {1..999999999}', 'at most 10000 values'],
    ['--rounds {1..200} --workers {1..200}', 'more than 10000 points'],
    [`--rounds ${'{1,2}'.repeat(40)}`, 'more than 10000 points'],
    ['--out a b', '--out takes one value, not 2'],
  ])('%s is refused', (line, why) => expect(() => grid(line)).toThrow(why));

  test('the numbers of an axis', () => {
    const numbers = (...values: string[]) => axisNumbers({ option: 'x', values });
    expect(numbers('theory*0.5', 'theory*1', 'theory*1e2')).toEqual([0.5, 1, 100]);
    expect(numbers('rand-k:k=10', 'rand-k:k=100')).toEqual([10, 100]);
    expect(numbers('m3:p=0.1,beta=1', 'm3:p=0.2,beta=2')).toBeUndefined();
    expect(numbers('gd', 'marina')).toBeUndefined();
  });
});

test('a score is a name, with the end that is better', () => {
  expect(readScore('loss', false).largest).toBe(false);
  expect(readScore('validation.accuracy', false).largest).toBe(true);
  expect(readScore('validation.loss', false).largest).toBe(false);
  expect(readScore('max:loss', false).largest).toBe(true);
  expect(() => readScore('bytes-to-target', false)).toThrow('needs --target');
  for (const bad of ['', 'size', 'constructor', 'constructor-to-target', 'max:', 'validation.']) {
    expect(() => readScore(bad, true), bad).toThrow('--best cannot be');
  }
});

test.each([sweepHelp, compareHelp, exportHelp, reportHelp])('help fits 80 columns', (help) => {
  for (const line of help('flotilla sweep').split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
});

describe('flotilla sweep', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'flotilla-sweep-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const base = '--problem heterogeneous-quadratic:d=20 --workers 3 --method marina --rounds 60 --eval-every 1';
  const run = (line: string, interruptAt?: string) => flotilla(['sweep', ...line.split(' ')], folder, interruptAt);
  const json = (path: string) => JSON.parse(readFileSync(join(folder, path), 'utf8'));

  test('runs every point, ranks them, goes on where it was, and leaves run folders', async () => {
    const line = `${base} --step-size theory*{1,2,1e6} --uplink rand-k:k={2,5} --seeds 0,1 --target 1.2 --out grid`;
    const first = await run(`${line} --json --quiet`);
    expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 0, stderr: '' });
    const results = JSON.parse(first.stdout);
    expect(json('grid/results.json')).toEqual(results);
    expect(results.axes.map(({ option }: { option: string }) => option)).toEqual(['step-size', 'uplink']);
    expect(results.points.length).toBe(6);
    // the best is the one with the smallest mean of what its seeds sent until they had reached the target
    const costs = results.points.map(({ runs }: { runs: { toTarget?: { totalBytes: number } | null }[] }) =>
      runs.reduce((sum, { toTarget }) => sum + (toTarget?.totalBytes ?? Number.POSITIVE_INFINITY) / 2, 0),
    );
    expect(results.ranked).toEqual({ by: 'bytes-to-target', best: 'smallest' });
    expect(results.best.score).toBe(Math.min(...costs));
    expect(results.best.options).toEqual(results.points[costs.indexOf(Math.min(...costs))].options);
    for (const { options, runs, score } of results.points) {
      const diverges = options['step-size'] === 'theory*1e6';
      for (const { status, folder: at, seed, loss } of runs) {
        expect(status).toBe(diverges ? 'diverged' : 'finished');
        if (diverges) continue;
        expect(json(join(at, 'config.json'))).toMatchObject({ seed, stepSize: options['step-size'] });
        expect(json(join(at, 'summary.json')).loss).toBe(loss);
      }
      if (diverges) expect(score).toBeNull();
    }
    const table = execFileSync(
      'python3',
      ['-c', 'import csv,json,sys; print(json.dumps(list(csv.DictReader(open(sys.argv[1])))))', 'grid/results.csv'],
      { cwd: folder, encoding: 'utf8' },
    );
    const lines = JSON.parse(table);
    expect(lines.length).toBe(12);
    expect(lines[0]).toMatchObject({ seed: '0', status: 'finished', 'options.uplink': 'rand-k:k=2' });
    expect(Number(lines[0].loss)).toBe(results.points[0].runs[0].loss);
    expect(readFileSync(join(folder, 'grid/report.html'), 'utf8')).toMatch(/<h1>Sweep: marina on /);

    // once more, without one of the runs: that one alone is made again, and comes out the same
    const runs = () => readdirSync(join(folder, 'grid/runs')).sort();
    const inodes = () => runs().map((name) => statSync(join(folder, 'grid/runs', name, 'metrics.jsonl')).ino);
    const before = inodes();
    const lost = runs().findIndex((name) => name.startsWith('theory-2'));
    const path = join(folder, 'grid/runs', runs()[lost] as string);
    const { xHash } = JSON.parse(readFileSync(join(path, 'summary.json'), 'utf8'));
    rmSync(join(path, 'summary.json'));
    writeFileSync(join(path, 'notes.txt'), 'mine');
    const second = await run(line);
    expect(second.code).toBe(0);
    expect(second.stdout).toMatch(/^By bytes-to-target, the smallest first/);
    expect(second.stdout).toMatch(/\nbest: --step-size theory\*\S+ --uplink rand-k:k=5\n/);
    const after = inodes();
    expect(after.filter((inode, k) => inode !== before[k]).length).toBeLessThanOrEqual(1);
    expect(JSON.parse(readFileSync(join(path, 'summary.json'), 'utf8')).xHash).toBe(xHash);
    expect(readFileSync(join(path, 'notes.txt'), 'utf8')).toBe('mine');
  });

  test('a point that cannot be run leaves the others their turn', async () => {
    const { code, stdout, stderr } = await run(`${base} --uplink rand-k:k={5,500} --json --quiet --out some`);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^flotilla: one run of 2 failed: .*k=500 is not allowed; k must be 1 to 20.*\n$/);
    const { points, best } = JSON.parse(stdout);
    expect(points.map(({ runs }: { runs: { status: string }[] }) => runs[0]?.status)).toEqual(['finished', 'failed']);
    expect(best.options).toEqual({ uplink: 'rand-k:k=5' });
  });

  test('that is interrupted goes on with the same command, in a folder of its own name', async () => {
    const line = `${base} --step-size theory*{0.1,0.2,0.3,0.4} --parallel 1`;
    const { code, stderr } = await run(line, '4 runs to make');
    expect(code).toBe(130);
    expect(stderr).toMatch(/\nflotilla: the sweep was interrupted after \d of 4 runs; the same command goes on\n$/);
    const again = await run(`${line} --json --quiet`);
    expect({ code: again.code, stderr: again.stderr }).toEqual({ code: 0, stderr: '' });
    expect(readdirSync(join(folder, 'runs')).length).toBe(1);
    expect(JSON.parse(again.stdout).best.options['step-size']).toMatch(/^theory\*/);
  });

  test.each([
    [`${base} --best bytes-to-target`, '--best bytes-to-target needs --target'],
    [`${base} --best size`, '--best cannot be "size"; it is one of loss'],
    [`${base} --parallel 0`, '--parallel must be a whole number from 1 to 1000, not "0"'],
    [`${base} --explain`, 'sweep takes no --explain'],
    [`${base} --workers {1,many}`, '--workers must be a whole number from 1 to 10000, not "many"'],
    [`${base} --seed {1,2} --seeds 0..1`, '--seed and --seeds cannot both be given'],
    [`${base} --out /proc/flotilla`, '--out "/proc/flotilla" cannot be written'],
  ])('%s is refused', async (line, why) => {
    const { code, stdout, stderr } = await run(line);
    expect({ code, stdout, lines: stderr.split('\n').length }).toEqual({ code: 2, stdout: '', lines: 2 });
    expect(stderr).toContain(why);
  });

  test('what is there and is no sweep is left alone', async () => {
    writeFileSync(join(folder, 'results.json'), '[]');
    const { code, stderr } = await run(`${base} --quiet --out .`);
    expect(code).toBe(2);
    expect(stderr).toBe(
      'flotilla: --out "results.json" cannot be written: something else is there; name another one\n',
    );
    expect(readFileSync(join(folder, 'results.json'), 'utf8')).toBe('[]');
  });
});
