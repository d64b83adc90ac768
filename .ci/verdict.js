// The last lines of .ci/run: coverage, what was skipped, and `N passed, N failed` from the runners' own reports.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';

const withBroker = [
  ...[
    'manifest',
    'nats',
    'nats-cluster.long',
    'nats-elastic',
    'nats-elastic.long',
    'nats-methods',
    'nats-methods.long',
    'nats-security',
    'nats-witness',
    'submit',
  ].map((name) => `packages/lab/test/${name}.test.ts`),
  'examples/multi-machine/test/multi-machine.test.ts',
];

/** @param {string} file */
const without = (file) => () => !existsSync(file);

// what slurm-cluster.ts asks for
const SPACES = ['--net', '--pid', '--mount', '--uts', '--mount-proc', '--fork', '--kill-child'];
/** A container may be root's and yet have no namespaces of its own. */
const noSlurm = () => without('/usr/sbin/slurmd')() || spawnSync('unshare', [...SPACES, 'true']).status !== 0;

/** Whether no other user can read this folder, as where it lies in one of root's own, or there is no way to be one. */
const isPrivate = () =>
  process.getuid?.() !== 0 ||
  spawnSync('/usr/bin/setpriv', [
    '--reuid',
    '23462',
    '--regid',
    '23462',
    '--clear-groups',
    'test',
    '-r',
    resolve('package.json'),
  ]).status !== 0;

/** All that may be skipped: the file, why, and whether what it needs is missing. */
const SKIPS = [
  ...withBroker.map((file) => ({
    file,
    reason: 'there is no nats-server',
    isMissing: without('/usr/sbin/nats-server'),
  })),
  { file: 'packages/lab/test/shaped.long.test.ts', reason: 'there is no tc', isMissing: without('/usr/sbin/tc') },
  ...['slurm', 'slurm.long'].map((name) => ({
    file: `packages/lab/test/${name}.test.ts`,
    reason: 'there is no Slurm, or no leave to make namespaces',
    isMissing: noSlurm,
  })),
  ...['packages/lab/test/report', 'packages/lab/test/dashboard', 'packages/service/test/page'].map((name) => ({
    file: `${name}.test.ts`,
    reason: 'there is no Chromium',
    isMissing: without('/usr/bin/chromium'),
  })),
  {
    file: 'packages/core/test/cache.test.ts',
    reason: 'only root can run as another user',
    isMissing: () => process.getuid?.() !== 0 || without('/usr/bin/setpriv')(),
  },
  {
    file: 'packages/server/test/edges.test.ts',
    reason: 'no other user can read this folder',
    isMissing: isPrivate,
  },
  {
    file: 'packages/service/test/prometheus.test.ts',
    reason: 'there is no Prometheus',
    isMissing: without('/usr/bin/prometheus'),
  },
  {
    file: 'packages/core/test/cache.long.test.ts',
    reason: 'there are no whole sets',
    isMissing: without('../shared/data/a9a.xz'),
  },
  {
    file: 'packages/core/test/classification.long.test.ts',
    reason: 'there are no whole sets',
    isMissing: without('../shared/data/a9a.xz'),
  },
  {
    file: 'packages/core/test/libsvm.long.test.ts',
    reason: 'there are no whole sets',
    isMissing: without('../shared/data/a9a.xz'),
  },
];

let passed = 0;
let failed = 0;
/** @param {string} line */
const fail = (line) => {
  failed++;
  console.log(`failed: ${line}`);
};

/**
 * Adds up the report of a suite that ended with `status`.
 * @param {string} suite
 * @param {string} status
 * @param {string} path
 */
function count(suite, status, path) {
  if (!existsSync(path)) return fail(`${suite} left no report`);
  /** @type {import('vitest/node').JsonTestResults} */
  const report = JSON.parse(readFileSync(path, 'utf8'));
  const before = failed;
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  if (report.numPassedTests === 0) fail(`${suite} ran no test`);
  for (const { name, status: outcome, message, assertionResults } of report.testResults) {
    const file = relative(process.cwd(), name);
    // a file that could not even be loaded fails without a failed test
    if (outcome === 'failed' && !assertionResults.some((test) => test.status === 'failed')) fail(`${file}: ${message}`);
    const left = assertionResults.filter((test) => test.status !== 'passed' && test.status !== 'failed');
    if (left.length === 0) continue;
    const allowed = SKIPS.find((skip) => skip.file === file);
    if (allowed?.isMissing()) {
      console.log(`skipped: ${left.length} of ${file}, because ${allowed.reason}`);
    } else for (const test of left) fail(`${file} skips “${test.fullName}”, which could run here`);
  }
  if (status !== '0' && failed === before) fail(`${suite} ended with ${status}`);
}

/**
 * The share of each package's statements that the tests' own processes ran.
 * @param {string} path
 */
function coverage(path) {
  if (!existsSync(path)) return fail('there are no figures of coverage');
  /** @type {Record<string, { statements: { covered: number; total: number } }>} */
  const summary = JSON.parse(readFileSync(path, 'utf8'));
  const byPackage = new Map();
  for (const [file, { statements }] of Object.entries(summary)) {
    const name = file === 'total' ? 'in all' : relative('packages', file).split('/')[0];
    const sum = byPackage.get(name) ?? { covered: 0, total: 0 };
    sum.covered += statements.covered;
    sum.total += statements.total;
    byPackage.set(name, sum);
  }
  const lines = [...byPackage].map(([name, { covered, total }]) => `${name} ${((100 * covered) / total).toFixed(1)} %`);
  console.log(`coverage of statements, without threads and commands: ${lines.join(', ')}`);
}

const [coverageFolder, checkStatus, ...suites] = process.argv.slice(2);
// measured with --long alone
if (existsSync(coverageFolder)) coverage(`${coverageFolder}/coverage-summary.json`);
if (suites.length === 0) fail('no suite was named');
for (const suite of suites) {
  const [name = '', status = '', path = ''] = suite.split(',');
  count(name, status, path);
}
if (checkStatus !== '0') fail('pnpm check');
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
