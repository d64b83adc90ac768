import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseSeeds } from '../dist/cli/seeds.js';
import { meanAndStd, spreadText } from '../dist/report/statistics.js';
import { flotilla } from './command-line.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-seeds-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (line: string) => flotilla(line.split(' '), folder);
const json = (path: string) => JSON.parse(readFileSync(join(folder, path), 'utf8'));
const quick =
  '--problem heterogeneous-quadratic:d=20 --workers 3 --transport loopback --step-size 0.3 --rounds 12 --quiet';
const refused = (stderr: string) => ({ code: 2, stdout: '', stderr: `flotilla: ${stderr}\n` });

describe('seeds', () => {
  test('are names, ranges, or both', () => {
    expect(parseSeeds('0..3')).toEqual(['0', '1', '2', '3']);
    expect(parseSeeds('-1..1')).toEqual(['-1', '0', '1']);
    expect(parseSeeds('7,a.b,1..2')).toEqual(['7', 'a.b', '1', '2']);
    expect(parseSeeds('007')).toEqual(['007']);
    for (const bad of ['', '1,', '3..1', '0..1000', '1,1', 'a/b', '..', '.', '../x', '0...3', 'x'.repeat(65), 'a b']) {
      expect(() => parseSeeds(bad), bad).toThrow(`--seeds cannot be ${JSON.stringify(bad)}: `);
    }
  });

  test('one run each, their mean and deviation, and one page', async () => {
    const { code, stdout, stderr } = await run(`${quick} --seeds 0..2 --json --out three`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const result = JSON.parse(stdout);
    expect(json('three/summary.json')).toEqual(result);
    expect(Object.keys(result)).toEqual(['runs', 'mean', 'std']);
    expect(result.runs.map(({ seed }: { seed: string }) => seed)).toEqual(['0', '1', '2']);
    for (const [k, one] of result.runs.entries()) expect(json(`three/seed-${k}/summary.json`)).toEqual(one);
    const losses = result.runs.map(({ loss }: { loss: number }) => loss);
    const mean = (losses[0] + losses[1] + losses[2]) / 3;
    expect(result.mean.loss).toBeCloseTo(mean, 12);
    const squares = losses.reduce((sum: number, loss: number) => sum + (loss - mean) ** 2, 0);
    expect(result.std.loss).toBeCloseTo(Math.sqrt(squares / 2), 12);
    expect(result.mean.rounds).toBe(12);
    expect(result.std.rounds).toBe(0);
    expect(result.mean.uplink.frameBytes).toBeGreaterThan(0);
    expect(result.mean).not.toHaveProperty('xHash');
    // a run of one of the seeds alone is the same run
    const alone = await run(`${quick} --seed 1 --json --out alone`);
    expect(JSON.parse(alone.stdout).xHash).toBe(result.runs[1].xHash);
    const page = readFileSync(join(folder, 'three/report.html'), 'utf8');
    expect(page).toMatch(/<h1>m3 on heterogeneous-quadratic:d=20, 3 workers · 3 seeds<\/h1>/);
    expect(page).toMatch(/fill="var\(--chart-0\)" [^>]*opacity|fill-opacity="0.18"/);
  });

  test('that diverge are named when all have had their turn', async () => {
    const { code, stdout, stderr } = await run(`${quick} --step-size 1e9 --rounds 500 --seeds 4,5 --out far`);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^flotilla: seed 4 \(and 1 more\): diverged in round \d+ .*\n$/);
    expect(existsSync(join(folder, 'far/seed-5/config.json'))).toBe(true);
  });

  test('are refused before anything runs', async () => {
    expect(await run(`${quick} --seeds 0..1 --seed 3 --out no`)).toEqual(
      refused('--seed and --seeds cannot both be given'),
    );
    expect((await run(`${quick} --seeds 2..1 --out no`)).stderr).toMatch(/^flotilla: --seeds cannot be "2..1": .*\n$/);
    expect(existsSync(join(folder, 'no'))).toBe(false);
    mkdirSync(join(folder, 'taken/seed-1'), { recursive: true });
    expect(await run(`${quick} --seeds 0..1 --out taken`)).toEqual(
      refused('--out "taken" has seed-1 already; name a new folder'),
    );
    expect(existsSync(join(folder, 'taken/seed-0'))).toBe(false);
  });
});

test('mean and deviation are of the numbers that all have; a deviation that is rounding is none', () => {
  const { mean, std } = meanAndStd([
    { a: 1, b: { c: 2, d: 'x' }, e: null, f: 3 },
    { a: 3, b: { c: 2, d: 'y' }, e: 1 },
  ]);
  expect({ ...mean, b: { ...(mean.b as object) } }).toEqual({ a: 2, b: { c: 2 } });
  expect(std.a).toBeCloseTo(Math.SQRT2, 12);
  expect(meanAndStd([{ a: 1 }]).std.a).toBeNull();
  expect(Object.keys(meanAndStd([JSON.parse('{"__proto__": {"x": 1}}')]).mean)).toEqual(['__proto__']);
  expect(spreadText([0.1, 0.1, 0.1], String)).not.toContain('±');
  expect(spreadText([5], String)).toBe('5');
  expect(spreadText([4, 6], String)).toBe('5 ± 1.4');
});

describe('--config', () => {
  test.each([
    '--problem heterogeneous-quadratic:d=20 --workers 3 --transport loopback --step-size 0.3 --rounds 12 --seed 7',
    '--problem quadratic:d=10 --workers 3 --transport loopback --method marina --uplink rand-k:k=2 --target 1e-3 --eval-every 1',
    '--problem heterogeneous-quadratic:d=20 --workers 3 --threads 2 --method ef21-p --rounds 12 --wire f64 --init normal:0.1 --coins even',
    '--problem logistic --data tiny.svm --workers 2 --transport loopback --method diana --rounds 12 --split shuffled --dense packed',
  ])('repeats a run, bit for bit: %s', async (line) => {
    writeFileSync(join(folder, 'tiny.svm'), '+1 1:0.5 3:1\n-1 2:1\n-1 1:1\n+1 3:-2\n');
    const out = `first-${line.length}`;
    const first = await run(`${line} --quiet --json --out ${out}`);
    expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 0, stderr: '' });
    const again = await run(`--config ${out}/config.json --quiet --json --out ${out}-again`);
    expect({ code: again.code, stderr: again.stderr }).toEqual({ code: 0, stderr: '' });
    const [{ xHash, rounds, uplink }, other] = [JSON.parse(first.stdout), JSON.parse(again.stdout)];
    expect({ xHash: other.xHash, rounds: other.rounds, uplink: other.uplink }).toEqual({ xHash, rounds, uplink });
    const { out: _, ...config } = json(`${out}/config.json`);
    const { out: written, ...repeated } = json(`${out}-again/config.json`);
    expect({ written, repeated }).toEqual({ written: `${out}-again`, repeated: config });
  });

  test('the command line wins; what a method had of its own is not for another', async () => {
    expect((await run(`${quick} --seed 5 --out base`)).code).toBe(0);
    const { code, stderr } = await run('--config base --method gd --rounds 3 --quiet --out base-gd');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const config = json('base-gd/config.json');
    expect(config).toMatchObject({ method: 'gd', rounds: 3, seed: '5', workers: 3 });
    expect(config).not.toHaveProperty('uplink');
    const seeds = await run('--config base --seeds 1,2 --quiet --out base-seeds');
    expect(seeds.code).toBe(0);
    expect(json('base-seeds/seed-2/config.json')).toMatchObject({ seed: '2', stepSize: '0.3' });
  });

  const plugin = fileURLToPath(new URL('../../../examples/write-a-compressor/rand-block.js', import.meta.url));

  test('code that it names is refused in one line, and runs when it is trusted', async () => {
    writeFileSync(
      join(folder, 'code.json'),
      JSON.stringify({
        problem: 'heterogeneous-quadratic:d=20',
        workers: 2,
        transport: 'loopback',
        stepSize: '0.1',
        rounds: 2,
        method: 'marina',
        uplink: 'rand-block:k=5',
        plugins: [plugin],
      }),
    );
    const line = `--config code.json --quiet`;
    expect(await run(`${line} --out no`)).toEqual(
      refused(
        `--config "code.json" names code that would run: plugin ${JSON.stringify(plugin)}; --trust lets it, if you know it`,
      ),
    );
    expect(await run(`${line} --trust --out trusted`)).toEqual({ code: 0, stdout: '', stderr: '' });
    // what is written on the command line needs no trust
    expect((await run(`${line} --plugin ${plugin} --out given`)).code).toBe(0);
    for (const problem of ['./evil.js', '/tmp/evil.mjs:key=1', 'data:text/javascript,1', 'external:command=sh', 'x']) {
      writeFileSync(join(folder, 'evil.json'), JSON.stringify({ problem }));
      const { code, stderr } = await run('--config evil.json --quiet --out no');
      expect({ code, lines: stderr.split('\n').length }).toEqual({ code: 2, lines: 2 });
      expect(stderr).toContain(`names code that would run: problem ${JSON.stringify(problem)}`);
    }
    expect(existsSync(join(folder, 'no'))).toBe(false);
  });

  test('what is no configuration is refused in one line, and nothing is waited for', async () => {
    execFileSync('python3', ['-c', 'import os, sys; os.mkfifo(sys.argv[1])', join(folder, 'pipe')]);
    writeFileSync(join(folder, 'large'), ' '.repeat((1 << 20) + 1));
    writeFileSync(join(folder, 'array'), '[1]');
    writeFileSync(join(folder, 'half'), '{"method": "gd",');
    writeFileSync(join(folder, 'deep'), `{"plugins": ${'['.repeat(50_000)}${']'.repeat(50_000)}}`);
    writeFileSync(join(folder, 'unknown'), '{"bandwidth": 3}');
    writeFileSync(join(folder, 'proto'), '{"__proto__": {"method": "gd"}}');
    writeFileSync(join(folder, 'wrong'), '{"workers": "many"}');
    for (const [file, why] of [
      ['nowhere.json', 'cannot be read: no such file or folder'],
      ['pipe', 'not a regular file'],
      ['/dev/zero', 'not a regular file'],
      ['large', 'at most 1048576'],
      ['array', 'is not an object of options'],
      ['half', 'cannot be read: it is not JSON'],
      ['deep', '--config "deep" names code that would run'],
      ['unknown', 'has "bandwidth", which is no option'],
      ['proto', 'has "__proto__", which is no option'],
      ['wrong', '--config "wrong": its workers must be a whole number from 1 to 10000, not "many"'],
    ]) {
      const { code, stdout, stderr } = await run(`--config ${file} --quiet --out no`);
      expect({ code, stdout, lines: stderr.split('\n').length }, file).toEqual({ code: 2, stdout: '', lines: 2 });
      expect(stderr).toContain(why);
    }
  });
});
