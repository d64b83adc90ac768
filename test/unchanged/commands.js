import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram, withWorkFolder } from './programs.js';
import { timeless } from './runs.js';

/** @typedef {Record<string, () => Promise<unknown>>} Cases */

const METHODS = [
  ...['gd', 'dcgd', 'diana', 'vr-diana', 'marina', 'vr-marina', 'pp-marina', 'marina-p', 'm3', 'ef21-p', 'ef21-p-dcgd'],
  ...['core', 'ef21', 'dasha', 'ef21-bc', 'ef21-p-diana', 'dore', 'mcm', 'rand-mcm', 'dist-ef-sgd'],
];
const samples = '--problem nonconvex-logistic --data small.libsvm --workers 6';

/** What `--explain` is asked, beside each method on samples with its own defaults. @type {Record<string, string>} */
const explained = {
  ...Object.fromEntries(METHODS.map((method) => [method, `--method ${method} ${samples}`])),
  'm3 on the heterogeneous quadratic': '--method m3 --problem heterogeneous-quadratic:d=40,sigma=0.3 --workers 6',
  'marina-p on the quadratic': '--method marina-p --problem quadratic:d=40 --workers 6 --coins even',
  'core on an instance': '--method core --problem heterogeneous-quadratic --data instance.json --workers 6',
  'marina with mu': '--method marina:mu=0.01 --problem logistic:lambda=0.01 --data small.libsvm --workers 6',
  'ef21 packed f64': `--method ef21 --uplink top-k:k=3+natural --dense packed --wire f64 ${samples}`,
  'm3 on the lower bound': '--method m3 --problem lower-bound:t=20 --workers 3 --step-size theory*2',
  'm3 on the autoencoder': '--method m3 --data small.libsvm --workers 6',
  'no theory': '--method m3 --data small.libsvm --workers 6 --step-size theory',
  'all defaults': '',
};

const quick = '--problem quadratic:d=20 --workers 3 --threads 1 --step-size 0.1 --rounds 4';

/** Wrong uses, by program. */
const wrong = {
  cli: [
    ...['twenty', '--bandwidth 10mbit', '--rounds', '--rounds --json', '--json=yes', '-x', '--no-json'],
    ...['--method sgd', '--method', '--method M3', '--method m3:p', '--method m3:p=0.1,p=0.2'],
    ...['--method m3:q=1', '--method m3:p=2', '--method m3:beta=x', '--method marina:downlink=sparse'],
    ...['--method diana:estimator=mean', '--method pp-marina:sampled=9 --workers 5', '--method core:m=2.5'],
    ...['--method pp-marina:downlink=all', '--method vr-marina --problem quadratic'],
    ...[`--method vr-marina:batch=1000 ${samples}`, `--method vr-marina:large-batch=9 ${samples}`],
    ...['--method diana --uplink top-k:k=9', '--downlink top-k:k=1%+natural', '--method ef21-p --downlink rand-k:k=9'],
    ...['--method gd --uplink natural', '--method ef21 --uplink same-rand-k:k=9'],
    ...['--uplink rand-k', '--uplink rand-k:k=51', '--uplink rand-k:k=0%', '--uplink rand-q:k=5'],
    ...['--uplink natural+rand-k:k=5', '--uplink scaled', '--uplink natural(rand-k:k=1)', '--uplink scaled(natural'],
    ...['--uplink core:m=5+natural', '--uplink qsgd:levels=0', '--uplink bernoulli'],
    ...['--uplink natural-dithering:levels=3,p=0.5', '--uplink perm-k:k=5', '--workers 0', '--workers many'],
    ...['--workers 10001', '--threads 0', '--threads all', '--dense thin', '--coins sometimes'],
    ...['--transport udp', '--step-size 0', '--step-size theory --data small.libsvm', '--step-size fast'],
    ...['--init normal:-1', '--rounds 0', '--target -1', '--target-relative 0', '--target-loss low'],
    ...['--max-bytes 0', '--eval-every 0', '--worker-timeout 5'],
    ...['--problem rosenbrock', '--problem heterogeneous-quadratic:d=2.5', '--problem quadratic:n=3'],
    ...['--problem heterogeneous-quadratic:la2=1', '--problem heterogeneous-quadratic:la2=4,lb2=1'],
    ...[
      '--problem quadratic --data mnist',
      '--problem logistic:bias=maybe --data small.libsvm',
      '--problem logistic:lambda=L --data small.libsvm',
    ],
    ...['--problem heterogeneous-quadratic:nu=1,lb2=2', '--data cifar', '--data no.libsvm'],
    ...['--data bad.libsvm', '--data empty.libsvm', '--data unsorted.libsvm'],
    ...['--problem nonconvex-logistic --data labels.libsvm --workers 2', '--data small.libsvm --workers 200'],
    ...['--problem heterogeneous-quadratic --data no.json', '--problem heterogeneous-quadratic --data no-c.json'],
    ...[
      '--problem heterogeneous-quadratic --data lengths.json',
      '--problem heterogeneous-quadratic --data small.libsvm',
    ],
    ...[
      '--problem heterogeneous-quadratic --data instance.json --workers 5',
      '--split random',
      '--split dirichlet:alpha=0',
    ],
    ...['--split label:n=3', '--link up=10', '--link speed=1mbit', '--link up=1mbit,up=2mbit'],
    ...[
      '--link up=9x1mbit --workers 3',
      '--link-model bandwidth=1mbit',
      '--link-model compute=5',
      '--link latency=-1ms',
    ],
    ...['--plugin no-plugin.mjs', '--plugin odd-plugin.mjs', '--plugin half-plugin.mjs', '--plugin taken-plugin.mjs'],
    ...[
      '--plugin missing.mjs',
      '--plugin',
      `${quick} --out taken`,
      `${quick} --out small.libsvm`,
      '--out /proc/flotilla',
    ],
    ...['--explain --method sgd', '--explain --workers 0'],
    '--method gd --problem quadratic:d=9 --workers 2 --step-size 1e30 --rounds 90 --transport loopback --out diverged',
  ],
  bench: [
    ...['nothing', 'methods --size 3', 'methods --seeds 0', 'methods --seeds many', 'methods --out', 'methods twice'],
    ...['compressors --quick=1', '--quick', 'methods --out small.libsvm', 'speed --seeds 1001'],
  ],
  report: ['', 'missing', 'no-run', '--out', '--title x run', 'taken', 'small.libsvm'],
  reproduce: [
    ...['figure-9', 'marina-1 marina-3', 'marina-1 --seeds 0', 'marina-1 --threads x', 'marina-1 --fast', '--seeds'],
    ...['marina-1 --only none', 'marina-1 --out small.libsvm', '--out', '--quick=1'],
  ],
};

/** What is only looked up, by program. */
const told = {
  cli: ['--help', '-h', '--version', '-v'],
  bench: ['', '--help', '--list', 'methods --help', 'compressors --help', 'speed --help', 'links --help'],
  report: ['--help'],
  reproduce: ['', '--help', '--list'],
};

/** Runs that leave a folder, and what is printed of them. */
const left = {
  plain: '',
  'with links': '--link-model up=1mbit,compute=1ms,server=1ms --dense packed',
  'another method': '--method marina:p=0.5,downlink=delta --uplink rand-k:k=3 --seed x --eval-every 3',
};

/** @param {string} args */
const words = (args) => args.split(' ').filter((word) => word !== '');

/**
 * What goes before a wrong use so that it is refused soon: little data, few threads.
 * @param {string} args
 */
const soon = (args) =>
  words(`--quiet --threads 1 ${/--(problem|data)/.test(args) ? '' : '--problem quadratic:d=50 --workers 4'}`);

/** @returns {Cases} */
export function explanationCases() {
  /** @type {Cases} */
  const cases = {};
  for (const [name, args] of Object.entries(explained)) {
    for (const json of [false, true]) {
      cases[`explain/${name}/${json ? 'json' : 'text'}`] = () =>
        withWorkFolder(async (folder) => {
          const flags = json ? ['--explain', '--json'] : ['--explain'];
          const { code, stdout, stderr } = await runProgram('cli', [...words(args), ...flags], folder);
          if (code !== 0) throw new Error(stderr);
          return json ? JSON.parse(stdout) : stdout;
        });
    }
  }
  return cases;
}

/** @returns {Cases} */
export function usageCases() {
  /** @type {Cases} */
  const cases = {};
  for (const [program, uses] of Object.entries(wrong)) {
    for (const args of uses) {
      cases[`wrong/${program} ${args}`.trim()] = () =>
        withWorkFolder(async (folder) => {
          const before = program === 'cli' ? soon(args) : [];
          const { code, stdout, stderr } = await runProgram(program, [...before, ...words(args)], folder);
          const lines = stderr.trimEnd().split('\n');
          return { code, stderr: lines[0], lines: lines.length, ...(stdout === '' ? {} : { stdout }) };
        });
    }
  }
  for (const [program, uses] of Object.entries(told)) {
    for (const args of uses) {
      cases[`told/${program} ${args}`.trim()] = () =>
        withWorkFolder((folder) => runProgram(program, words(args), folder));
    }
  }
  return cases;
}

/** @returns {Cases} */
export function folderCases() {
  /** @type {Cases} */
  const cases = {};
  for (const [name, args] of Object.entries(left)) {
    cases[`folder/${name}`] = () =>
      withWorkFolder(async (folder) => {
        const { code, stdout, stderr } = await runProgram(
          'cli',
          [...words(`${quick} ${args}`), '--out', 'run'],
          folder,
        );
        /** @param {string} file */
        const read = (file) => readFileSync(join(folder, 'run', file), 'utf8');
        const rows = read('metrics.jsonl')
          .trim()
          .split('\n')
          .map((line) => timeless(JSON.parse(line)));
        return {
          code,
          files: readdirSync(join(folder, 'run')).sort(),
          config: JSON.parse(read('config.json')),
          rows,
          summary: timeless(JSON.parse(read('summary.json'))),
          // the table of bytes; the line above has times
          stdout: stdout.split('\n').filter((line) => !line.endsWith('a round)')),
          stderr: stderr.split('\n').map((line) => line.replace(/ *\S+ rounds\/s$/, '')),
        };
      });
  }
  return cases;
}

/** @returns {Cases} */
export function reportCases() {
  const earlier = fileURLToPath(new URL('run-folder', import.meta.url));
  /** @type {Record<string, string[]>} */
  const calls = { 'one folder': ['run'], 'the same twice': ['run', 'run', '--out', 'report.html'] };
  /** @type {Cases} */
  const cases = {};
  for (const [name, args] of Object.entries(calls)) {
    cases[`report/${name}`] = () =>
      withWorkFolder(async (folder) => {
        cpSync(earlier, join(folder, 'run'), { recursive: true });
        const { code, stdout, stderr } = await runProgram('report', args, folder);
        const page = readFileSync(join(folder, 'report.html'), 'utf8');
        return {
          code,
          stdout,
          stderr,
          title: /<title>(.*?)<\/title>/.exec(page)?.[1],
          figures: page.split('<figure').length - 1,
          sha256: createHash('sha256').update(page).digest('hex'),
        };
      });
  }
  return cases;
}
