import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { benches } from '../dist/bench/registry.js';
import { figures, studies } from '../dist/reproduce/registry.js';
import { quickSmokes, runSmokes, slowSmokes } from './bench-smokes.js';
import { commandLine } from './command-line.js';

const { folder, flotilla } = commandLine('bench');
const run = (program: 'bench' | 'reproduce' | 'report', args: string) => flotilla(`${program} ${args}`);

test('--list has a line for each bench and figure', async () => {
  const [listed, drawn] = await Promise.all([run('bench', '--list'), run('reproduce', '--list')]);
  expect(listed.stdout.trim().split('\n').length).toBe(Object.keys(benches).length);
  expect(listed.stdout).toMatch(/^methods +all methods/m);
  expect(
    drawn.stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]),
  ).toEqual([...Object.keys(figures), ...Object.keys(studies)]);
  expect(Object.keys(studies)).toEqual(['lower-bound']);
  expect(Object.keys(figures)).toEqual([
    ...['marina-1', 'marina-3', 'marina-4', 'marina-5'],
    ...['marina-p-1', 'marina-p-2', 'marina-p-3', 'marina-p-4', 'marina-p-5', 'marina-p-6'],
  ]);
});

describe('bad usage: exit 2, one line', () => {
  test.each([
    ['bench', 'method', /unknown bench "method"; known: .*methods/],
    ['bench', 'methods --fast', /unknown option --fast; known: --problem/],
    ['bench', 'methods --seeds none', /--seeds must be a whole number from 1 to 1000, not "none"/],
    ['bench', 'methods --quick --methods gd,sgd', /unknown method "sgd"/],
    ['bench', 'methods --out /proc/none', /out "\/proc\/none" cannot be written/],
    ['reproduce', 'marina-2', /unknown figure "marina-2"; known: marina-1/],
    ['reproduce', 'marina-p-1 --only n7', /marina-p-1 has no panel "n7"; it has n10-la1-lb1000/],
    ['reproduce', 'lower-bound --only n7', /lower-bound has no panels and no data: it takes neither --only/],
    ['report', '', /report needs the folder of at least one run/],
    ['report', 'nowhere', /"nowhere" does not hold a run/],
  ] as const)('%s %s', async (program, args, message) => {
    const { code, stdout, stderr } = await run(program, args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.trim().split('\n').length).toBe(1);
    expect(stderr).toMatch(message);
  });
});

test('pnpm bench methods: tuned step sizes, equal target, results.json, results.csv, report.html; repeated from its cache', async () => {
  const args =
    'methods --quick --seeds 2 --out first --methods gd,marina-p,dcgd --problem heterogeneous-quadratic:d=40,la2=0,lb2=100 --workers 4';
  const { code, stdout, stderr } = await run('bench', args);
  expect(stderr).not.toMatch(/flotilla:/);
  expect(code).toBe(0);
  const out = join(folder(), 'first', 'bench', 'methods');
  const { results } = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'));
  type Row = {
    method: string;
    downlink: string | null;
    factor: number;
    reached: number;
    rounds: { mean: number };
    totalBytes: { mean: number };
  };
  const rows: Row[] = results.rows;
  const gd = rows.find(({ method }) => method === 'gd') as Row;
  // at γ = 2/L the component of the largest eigenvalue stays as it is and the others shrink; at 4/L it grows
  expect(gd.factor).toBe(2);
  expect(gd.reached).toBe(2);
  // 4 frames of 8 + 4·40 bytes each way and round
  expect(gd.totalBytes.mean).toBe(gd.rounds.mean * 2 * 4 * 168);
  const permK = rows.find(({ method, downlink }) => method === 'marina-p' && downlink === 'perm-k') as Row;
  // homogeneous quadratics: PermK's mean is gradient descent, in as many rounds, with a fraction of the downlink; theory's
  // step size is that of gradient descent with L_B in place of L
  expect(permK.factor).toBeGreaterThanOrEqual(2);
  expect(permK.totalBytes.mean).toBeLessThan(gd.totalBytes.mean);
  expect(stdout).toMatch(/^gd .* 1\.00 ×$/m);
  const csv = readFileSync(join(out, 'results.csv'), 'utf8').trim().split('\n');
  expect(csv.length).toBe(1 + rows.length);
  expect(csv[0]).toMatch(/^method,uplink,downlink,factor,reached,rounds,rounds sd,uplinkBytes,/);
  expect(readFileSync(join(out, 'report.html'), 'utf8').match(/<figure>/g)?.length).toBe(2);

  const cached = readdirSync(join(out, 'cache')).sort();
  expect(cached.length).toBeGreaterThan(10);
  const again = await run('bench', args);
  expect(again.stdout).toBe(stdout);
  expect(readdirSync(join(out, 'cache')).sort()).toEqual(cached);
}, 120_000);

test('every bench has a smoke run', () => {
  expect(Object.keys({ ...quickSmokes, ...slowSmokes }).sort()).toEqual(Object.keys(benches).sort());
});

// the others are in the long suite
runSmokes(quickSmokes);

test('pnpm reproduce: a panel whose data is not at hand is left out with a message, and where all are it fails', async () => {
  const { code, stdout, stderr } = await run(
    'reproduce',
    'marina-p-1 --quick --only fixed --out none --data-dir nowhere',
  );
  expect(code, stderr).toBe(1);
  expect(stderr).toMatch(/A fixed instance.* is left out: data \S+ cannot be read: no file is there/);
  expect(stderr).toMatch(
    /\nflotilla: marina-p-1: every panel was left out, the first because data \S+ cannot be read: .*\n$/,
  );
  expect(stdout).not.toMatch(/reproduced: GD/);
});
