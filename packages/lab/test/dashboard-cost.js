// @ts-check
// node packages/lab/test/dashboard-cost.js [REPEATS] [MODES]   what the live page costs a run: seconds a round, in turns
// and processor time of the run's process and of its main thread, which serves, as far as Linux tells. Where something else is at work
// on the machine, seconds a round say little and processor time more.
// off: no page is served; open: it is, and nobody looks; reader: somebody reads its events; browser: it is open in Chromium here,
// which takes its own processor time from the same cores: how much of one, once the page is there, is said beside it.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const [, , repeats = '7', modes = 'off,open,reader,browser'] = process.argv;
const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
/** @type {Record<string, string>} */
const JOBS = {
  'default job, 20 workers': '--rounds 500 --checkpoint-every never',
  'short rounds, 8 workers':
    '--problem heterogeneous-quadratic:d=100 --workers 8 --rounds 30000 --eval-every 50 --checkpoint-every never',
};
const folder = mkdtempSync(join(tmpdir(), 'flotilla-cost-'));
let made = 0;
/** By when the page is loaded and drawn. */
const SETTLED_MS = 3000;

/** @param {string} url @param {string} mode @returns {Promise<() => Promise<unknown>>} stops looking */
async function look(url, mode) {
  if (mode === 'open') return async () => {};
  if (mode === 'reader') {
    const { origin, hash } = new URL(url);
    const stop = new AbortController();
    const headers = { authorization: `Bearer ${hash.slice('#token='.length)}` };
    const { runs } = /** @type {{ runs: { id: string }[] }} */ (
      await (await fetch(`${origin}/runs`, { headers })).json()
    );
    const response = await fetch(`${origin}/runs/${runs[0].id}/events`, { headers, signal: stop.signal });
    const read = async () => {
      for await (const _ of /** @type {AsyncIterable<Uint8Array>} */ (/** @type {unknown} */ (response.body))) {
      }
    };
    read().catch(() => undefined);
    return async () => stop.abort();
  }
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(url);
  return () => page.close();
}

/** Processor time of a process or of one of its threads so far, in ms; Linux counts in hundredths of a second. */
function processorTime(/** @type {string} */ path) {
  const fields = readFileSync(path, 'utf8').split(') ')[1].split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

/** Processor time of all processes of the browser so far, in ms. */
function browserTime() {
  let sum = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('chromium')) sum += processorTime(`/proc/${pid}/stat`);
    } catch {
      // it has ended meanwhile
    }
  }
  return sum;
}

/** @param {string} job @param {string} mode @returns {Promise<Cost>} */
async function once(job, mode) {
  const out = join(folder, String(made++));
  const words = [
    'start',
    ...job.split(' '),
    '--quiet',
    '--json',
    '--out',
    out,
    ...(mode === 'off' ? [] : ['--dashboard']),
  ];
  const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  /** @type {Promise<() => Promise<unknown>> | undefined} */
  let looking;
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
    const [url] = /http:\/\/\S+(?=\n)/.exec(stderr) ?? [];
    if (url === undefined || looking !== undefined) return;
    looking = look(url, mode);
    void looking.then(async () => {
      await sleep(SETTLED_MS);
      [began, before] = [performance.now(), browserTime()];
    });
  });
  let [all, own, drawing] = [Number.NaN, Number.NaN, Number.NaN];
  let [began, before] = [Number.NaN, 0];
  await new Promise((done) => {
    child.stdout.on('data', async (chunk) => {
      stdout += chunk;
      const { pid } = child;
      all = processorTime(`/proc/${pid}/stat`);
      own = processorTime(`/proc/${pid}/task/${pid}/stat`);
      drawing = (100 * (browserTime() - before)) / (performance.now() - began);
      // the process waits for a page that is open
      if (stdout.endsWith('\n')) await (await looking)?.();
    });
    child.on('close', done);
  });
  const { wallSeconds, rounds } = JSON.parse(stdout);
  return { wall: (1000 * wallSeconds) / rounds, all: all / rounds, own: own / rounds, drawing };
}

/** In ms a round: on the clock, processor time of the process, and of its main thread. @typedef {{ wall: number, all: number, own: number, drawing: number }} Cost */

const median = (/** @type {number[]} */ values) => [...values].sort((a, b) => a - b)[values.length >> 1];

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
for (const [name, job] of Object.entries(JOBS)) {
  /** @type {Record<string, Cost[]>} */
  const costs = Object.fromEntries(modes.split(',').map((mode) => [mode, []]));
  for (let k = 0; k < Number(repeats); k++)
    for (const mode of Object.keys(costs)) costs[mode].push(await once(job, mode));
  const [base] = Object.values(costs);
  for (const [mode, all] of Object.entries(costs)) {
    const columns = /** @type {const} */ (['wall', 'all', 'own']).map((key) => {
      // against the run right before it: the machine's other work comes and goes
      const ratio = median(all.map((cost, k) => cost[key] / base[k][key]));
      return `${key} ${median(all.map((cost) => cost[key])).toPrecision(3)} ms × ${ratio.toFixed(3)}`;
    });
    const walls = all.map(({ wall }) => wall.toPrecision(3)).join(' ');
    const drawing =
      mode === 'browser' ? `, browser ${median(all.map((cost) => cost.drawing)).toFixed(1)} % of a core` : '';
    console.log(`${name}: ${mode.padEnd(8)} ${columns.join(', ')} a round${drawing}  (wall ${walls})`);
  }
}
await browser.close();
rmSync(folder, { recursive: true });
