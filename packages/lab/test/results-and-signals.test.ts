import { execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { evaluateHelp } from '../dist/cli/evaluate.js';
import { predictHelp } from '../dist/cli/predict.js';
import { flotilla, main } from './command-line.js';

const ROWS = Array.from({ length: 12 }, (_, s) => `${Math.sin(s)},${Math.cos(3 * s)},${s % 2}`);
const TRAIN = '--problem logistic --data rows.csv --method gd --workers 2 --rounds 3 --quiet';
const PLUGIN = `
  console.log('loaded');
  process.stdout.write('and again\\n');
  export default { problems: {} };`;

let folder = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-lab-results-'));
  writeFileSync(join(folder, 'rows.csv'), `u,v,label\n${ROWS.join('\n')}\n`);
  writeFileSync(join(folder, 'noisy.mjs'), PLUGIN);
  expect((await run(`start ${TRAIN} --out run`)).code).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (line: string, variables = {}) => flotilla(line.split(' '), folder, undefined, variables);
const read = (path: string) => readFileSync(join(folder, path), 'utf8');

/** Runs a shell's line, in which `ft` is the command, in the folder. */
function shell(line: string): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const script = `ft() { ${JSON.stringify(process.execPath)} ${JSON.stringify(main)} "$@"; }\n${line}`;
    const child = execFile('bash', ['-c', script], { cwd: folder }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

describe('what a plug-in prints is on stderr where stdout is a result', () => {
  test('evaluate --json', async () => {
    const { code, stdout, stderr } = await run('evaluate run --data rows.csv --plugin ./noisy.mjs --json');
    expect({ code, keys: Object.keys(JSON.parse(stdout)) }).toEqual({ code: 0, keys: ['loss', 'accuracy'] });
    expect(stderr).toContain('loaded');
  });

  test('predict', async () => {
    const { code, stdout } = await run('predict run --data rows.csv --plugin ./noisy.mjs');
    expect({ code, lines: stdout.split('\n').length }).toEqual({ code: 0, lines: ROWS.length + 2 });
    expect(stdout).toMatch(/^label,probability\n/);
  });

  test('sweep --json', async () => {
    const sweep = await run(`sweep ${TRAIN} --plugin ./noisy.mjs --step-size {0.1,0.2} --json --out swept`);
    expect(sweep.code).toBe(0);
    expect(JSON.parse(sweep.stdout).points).toHaveLength(2);
  });
});

describe('a stdout that is full', () => {
  const commands = ['predict run --data rows.csv', 'evaluate run --data rows.csv', 'export run --csv', 'compare run'];

  test.runIf(existsSync('/dev/full')).each(commands)(
    '%s: the result is lost, and the exit code says so',
    async (line) => {
      expect(await shell(`ft ${line} > /dev/full`)).toEqual({
        code: 1,
        stdout: '',
        stderr: 'flotilla: stdout cannot be written: no space is left\n',
      });
    },
  );

  test('a reader that leaves is no failure', async () => {
    expect((await shell('ft export run --csv | true; exit "$PIPESTATUS"')).code).toBe(0);
  });
});

test('predict --out replaces nothing, and says so before it computes', async () => {
  writeFileSync(join(folder, 'mine.csv'), 'label,probability\n');
  symlinkSync('nowhere', join(folder, 'link'));
  for (const out of ['mine.csv', 'link', 'run', 'run/summary.json']) {
    expect(await run(`predict run --data none.csv --out ${out}`)).toEqual({
      code: 2,
      stdout: '',
      stderr: `flotilla: --out "${out}" cannot be written: something else is there; name another one\n`,
    });
  }
  expect(read('mine.csv')).toBe('label,probability\n');
  expect(await run('predict run --data rows.csv --out new.csv')).toEqual({ code: 0, stdout: 'new.csv\n', stderr: '' });
});

test('~ is the home folder in every option that is a path', async () => {
  const HOME = mkdtempSync(join(folder, 'home-'));
  const done = [
    await run('export run --csv=~/rows.csv', { HOME }),
    await run(`sweep ${TRAIN} --step-size {0.1,0.2} --out=~/swept`, { HOME }),
  ];
  expect(done.map(({ code, stderr }) => ({ code, stderr }))).toEqual(Array(2).fill({ code: 0, stderr: '' }));
  expect(readdirSync(HOME)).toEqual(['rows.csv', 'swept']);
});

test('a current folder that is gone is one line, whatever the command', async () => {
  const gone = 'flotilla: the current folder is gone: change to one that exists\n';
  const lines = [
    `predict ${join(folder, 'run')} --data ${join(folder, 'rows.csv')}`,
    'sweep --problem quadratic --seed {0,1} --quiet',
  ];
  for (const [k, line] of lines.entries()) {
    const { stdout, stderr } = await shell(`mkdir gone-${k}; cd gone-${k}; rmdir ../gone-${k}; ft ${line}`);
    expect(stdout).toBe('');
    expect(stderr.split('\n')).toHaveLength(2);
    expect(stderr.endsWith(gone.slice('flotilla: '.length))).toBe(true);
  }
});

test.each(['nowhere.npy', 'nowhere.safetensors'])('--init %s is refused in words', async (file) => {
  const { stderr } = await run(`start ${TRAIN} --init ${file} --out no`);
  expect(stderr).toMatch(/^(?!.*ENOENT)flotilla: .*nowhere.*: no file is there\n$/s);
});

describe('pipes', () => {
  test('a start that nobody writes does not keep a run from being ended', async () => {
    execFileSync('mkfifo', [join(folder, 'silent.npy')]);
    const words = `start ${TRAIN.replace(' --quiet', '')} --init silent.npy --out no`.split(' ');
    const child = spawn(process.execPath, [main, ...words], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    let stderr = '';
    for await (const piece of child.stderr) {
      stderr += piece;
      // the data have been read: the start is next
      if (stderr.includes('--label-column') && !child.killed) setTimeout(() => child.kill('SIGTERM'), 300);
    }
    expect({ code: await ended, last: stderr.trim().split('\n').at(-1) }).toEqual({
      code: 130,
      last: 'flotilla: the run was aborted before its first round',
    });
  });

  test('data from one leave no warning', async () => {
    execFileSync('mkfifo', [join(folder, 'fed.csv')]);
    const { code, stderr } = await shell(`cat rows.csv > fed.csv & ft start ${TRAIN.replace('rows', 'fed')} --out fed`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

test.each(['loopback', 'threads'])(
  '%s: Ctrl-C twice leaves summary and report of a run whose gradient never ends',
  async (transport) => {
    const marker = join(folder, `${transport}-loops`);
    const problem = fileURLToPath(new URL('../../server/test/problems/looping.js', import.meta.url));
    const child = spawn(
      process.execPath,
      [
        ...[
          main,
          'start',
          '--problem',
          `${problem}:where=gradient,calls=30,marker=${marker}`,
          '--transport',
          transport,
        ],
        ...['--workers', '3', '--eval-every', '5', '--grace', '1000', '--quiet', '--out', `twice-${transport}`],
      ],
      { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let stderr = '';
    child.stderr.on('data', (piece) => {
      stderr += piece;
    });
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    const next = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    while (!existsSync(marker)) await next(10);
    child.kill('SIGINT');
    // two signals of one kind that come at once are one
    await next(200);
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(stderr).toMatch(
      new RegExp(
        `^flotilla: the run was aborted in the middle of a round; the last evaluated one was round \\d+; go on with: flotilla start --resume twice-${transport}\n$`,
      ),
    );
    const file = (name: string) => readFileSync(join(folder, `twice-${transport}`, name), 'utf8');
    const rows = file('metrics.jsonl').trim().split('\n');
    expect(JSON.parse(file('summary.json'))).toMatchObject({
      stopReason: 'aborted',
      rounds: JSON.parse(rows.at(-1) as string).round,
    });
    expect(file('report.html')).toContain('stopped by aborted');
  },
);

test('--seeds: an interrupt while the report of a seed is drawn ends the command', async () => {
  const words = `start ${TRAIN} --seeds 0..9 --out seeds`.split(' ');
  const child = spawn(process.execPath, [main, ...words], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (piece) => {
    stderr += piece;
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  while (!existsSync(join(folder, 'seeds', 'seed-0', 'summary.json'))) await new Promise((next) => setTimeout(next, 5));
  child.kill('SIGINT');
  expect(await ended).toBe(130);
  expect(stderr).toMatch(
    /^flotilla: (interrupted after \d of 10 seeds|the run was aborted .*); not begun: seeds? [\d, ]+\n$/,
  );
  expect(readdirSync(join(folder, 'seeds'))).toEqual(expect.arrayContaining(['report.html', 'seed-0', 'summary.json']));
  expect(existsSync(join(folder, 'seeds', 'seed-9'))).toBe(false);
});

test.each([evaluateHelp, predictHelp])('help fits 80 columns', (help) => {
  for (const line of help('flotilla evaluate').split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
});
