import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeOptions, type OptionDescription } from '@flotilla/server/internal';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixture } from '../../core/test/reference-data.js';

// Every option of a run by way of the command line: a value arrives in the run as what it is, another is refused.

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const plugin = fileURLToPath(new URL('../../../examples/write-a-compressor/rand-block.js', import.meta.url));

type Name = OptionDescription['name'];

interface Row {
  /** Which of the runs below it is given to; those with a broker are in nats.test.ts. */
  readonly run: 'threads' | 'loopback' | 'table' | 'with a broker';
  readonly text: string;
  /** What config.json has then: the type as much as the value. */
  readonly value: unknown;
  /** A value that is refused; none where any text will do, and then the option is given without a value. */
  readonly refused: string | undefined;
  /** Options without which `refused` would not be looked at. */
  readonly beside?: string;
}

const rows: Readonly<Record<Name, Row>> = {
  method: { run: 'threads', text: 'm3:p=0.5,beta=0.5', value: 'm3:p=0.5,beta=0.5', refused: 'sgd' },
  problem: {
    run: 'threads',
    text: 'heterogeneous-quadratic:d=30',
    value: 'heterogeneous-quadratic:d=30',
    refused: 'cubic',
  },
  data: {
    run: 'loopback',
    text: fixture('a9a-408.libsvm'),
    value: fixture('a9a-408.libsvm'),
    refused: 'cifar',
    beside: '--problem logistic',
  },
  validation: {
    run: 'loopback',
    text: fixture('a9a-408.libsvm'),
    value: fixture('a9a-408.libsvm'),
    refused: 'cifar',
    beside: `--problem logistic --data ${fixture('a9a-408.libsvm')}`,
  },
  split: {
    run: 'loopback',
    text: 'dirichlet:alpha=5',
    value: 'dirichlet:alpha=5',
    refused: 'random',
    beside: `--problem logistic --data ${fixture('a9a-408.libsvm')}`,
  },
  indexBase: { run: 'loopback', text: '1', value: 1, refused: '2' },
  labelColumn: {
    run: 'table',
    text: 'kind',
    value: 'kind',
    refused: 'colour',
    beside: '--problem logistic --data table.csv',
  },
  header: { run: 'table', text: 'true', value: 'true', refused: 'perhaps' },
  workers: { run: 'threads', text: '3', value: 3, refused: '0' },
  threads: { run: 'threads', text: 'auto', value: 'auto', refused: 'some' },
  uplink: { run: 'threads', text: 'rand-k:k=3', value: 'rand-k:k=3', refused: 'top-k:k=3' },
  downlink: { run: 'threads', text: 'same-rand-k:k=3', value: 'same-rand-k:k=3', refused: 'top-k:k=3' },
  rounds: { run: 'threads', text: '4', value: 4, refused: '1.5' },
  target: { run: 'threads', text: '1e-12', value: 1e-12, refused: '0' },
  targetRelative: { run: 'threads', text: '1e-13', value: 1e-13, refused: 'near' },
  targetLoss: { run: 'threads', text: '-1e9', value: -1e9, refused: 'low' },
  timeLimit: { run: 'threads', text: '300', value: 300, refused: '0' },
  maxBytes: { run: 'threads', text: '1e9', value: 1e9, refused: '0' },
  stepSize: { run: 'threads', text: '0.1', value: '0.1', refused: 'fast' },
  checkpointEvery: { run: 'threads', text: '3', value: '3', refused: 'often' },
  init: { run: 'threads', text: 'normal:0.01', value: 'normal:0.01', refused: 'ones' },
  // text, also where it looks like a number
  seed: { run: 'threads', text: '007', value: '007', refused: undefined },
  wire: { run: 'threads', text: 'f64', value: 'f64', refused: 'f16' },
  precision: { run: 'loopback', text: 'f32', value: 'f32', refused: 'f16' },
  dense: { run: 'threads', text: 'packed', value: 'packed', refused: 'zip' },
  coins: { run: 'threads', text: 'even', value: 'even', refused: 'odd' },
  batch: { run: 'loopback', text: '30', value: 30, refused: '0' },
  batchDense: { run: 'loopback', text: '150', value: 150, refused: '2.5' },
  transport: { run: 'loopback', text: 'loopback', value: 'loopback', refused: 'pigeon' },
  nats: { run: 'with a broker', text: 'nats://127.0.0.1:4222', value: '', refused: 'nats://127.0.0.1:4222' },
  run: { run: 'with a broker', text: 'mine', value: '', refused: 'mine' },
  natsNkey: { run: 'with a broker', text: 'server.nk', value: '', refused: 'server.nk' },
  natsToken: { run: 'with a broker', text: 'token', value: '', refused: 'token' },
  natsCa: { run: 'with a broker', text: 'ca.pem', value: '', refused: 'ca.pem' },
  minWorkers: { run: 'with a broker', text: '2', value: '', refused: '2' },
  sendData: { run: 'with a broker', text: '', value: '', refused: undefined },
  checksum: { run: 'loopback', text: 'on', value: 'on', refused: 'crc' },
  link: { run: 'threads', text: 'up=100mbit,latency=1ms', value: 'up=100mbit,latency=1ms', refused: 'up=ten' },
  linkModel: { run: 'threads', text: 'up=1mbit', value: 'up=1mbit', refused: 'down=ten' },
  evalEvery: { run: 'threads', text: '2', value: 2, refused: '0' },
  output: { run: 'threads', text: 'uniform', value: 'uniform', refused: 'first' },
  maxRestarts: { run: 'loopback', text: '7', value: 7, refused: '-1' },
  grace: { run: 'loopback', text: '2.5', value: 2.5, refused: '0' },
  roundTimeout: { run: 'threads', text: '90', value: 90, refused: '0' },
  onStraggler: { run: 'threads', text: 'wait', value: 'wait', refused: 'hope' },
  divergedFactor: { run: 'threads', text: '1e6', value: 1e6, refused: '-1' },
  plugins: { run: 'threads', text: plugin, value: [plugin], refused: 'nowhere.js' },
  out: { run: 'threads', text: 'threads', value: 'threads', refused: '/proc/flotilla' },
};

const small = ['--problem', 'logistic', '--method', 'marina', '--workers', '2', '--rounds', '3'];

/** What an option's value names, for those whose errors say so. */
const THINGS: Partial<Record<string, string>> = {
  method: 'method',
  problem: 'problem',
  data: 'data set',
  split: 'split',
  uplink: 'compressor on the uplink;',
  downlink: 'compressor on the downlink;',
  plugins: 'plugin',
};

/** Keys under which the summary has what came of an option. */
const LEDGERS = new Set(['uplink', 'downlink', 'validation']);

/** plugins → --plugin, targetLoss → --target-loss */
const flag = (name: string) =>
  `--${name === 'plugins' ? 'plugin' : name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-options-'));
  writeFileSync(join(folder, 'table.csv'), 'kind,height,weight\n0,1.5,2\n1,2.5,1\n0,1,2\n1,3,0.5\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

function flotilla(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [main, 'start', ...args], { cwd: folder }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

test('every option has a row', () => {
  expect(
    describeOptions()
      .map(({ name }) => name)
      .sort(),
  ).toEqual(Object.keys(rows).sort());
});

describe('values arrive in the run', () => {
  test.each([
    ['threads', []],
    ['loopback', [...small, '--out', 'loopback']],
    ['table', [...small, '--data', 'table.csv', '--transport', 'loopback', '--out', 'table']],
  ] as const)('of the run %s', async (run, others) => {
    const given = Object.entries(rows).filter(([, row]) => row.run === run);
    const args = given.flatMap(([name, { text }]) => [`${flag(name)}=${text}`]);
    const { code, stdout, stderr } = await flotilla([...others, ...args, '--json', '--quiet']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const config = JSON.parse(readFileSync(join(folder, run, 'config.json'), 'utf8'));
    for (const [name, { value }] of given) expect(config[name], name).toStrictEqual(value);
    // and where the summary speaks of them
    const summary = JSON.parse(stdout);
    for (const [name, { value }] of given) {
      // a step size may be theory's: its text is kept, its number is what came of it
      const used = name === 'stepSize' ? Number(value) : value;
      if (name in summary && value !== 'auto' && !LEDGERS.has(name)) expect(summary[name], name).toStrictEqual(used);
    }
    expect(summary.stopReason).toBe('rounds');
  });
});

test('what a reader has chosen is said, unless it is to be quiet', async () => {
  const args = [...small, '--data', 'table.csv', '--label-column=kind', '--transport', 'loopback', '--out', 'said'];
  const without = args.filter((arg) => !arg.startsWith('--label-column'));
  const note = 'table.csv: labels are column 3 ("weight"); --label-column says otherwise';
  expect((await flotilla(args)).stderr).not.toContain('labels are');
  expect((await flotilla([...without, '--split', 'contiguous', '--out', 'chosen'])).stderr).toContain(note);
});

describe('another value: exit 2 and one line that names the option and the value', () => {
  test.each(Object.entries(rows))('%s', async (name, { refused, beside = '' }) => {
    const small =
      '--problem heterogeneous-quadratic:d=30 --workers 2 --transport loopback --rounds 1 --step-size 0.1 --quiet';
    const given = refused === undefined ? [flag(name)] : [`${flag(name)}=${refused}`];
    // the last of two values counts
    const { code, stdout, stderr } = await flotilla([...`${small} ${beside}`.trim().split(' '), ...given]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.trimEnd().split('\n').length).toBe(1);
    expect(stderr).toMatch(/^flotilla: /);
    // by its name here, or by what the thing is called that it names
    expect(stderr).toMatch(new RegExp(`${flag(name)} |\\b(?:${THINGS[name] ?? 'none'}) `));
    if (refused !== undefined) expect(stderr).toContain(refused.replace(/^\w+=/, ''));
  });
});
