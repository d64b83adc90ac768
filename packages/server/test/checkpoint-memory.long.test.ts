import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-memory-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** In a process of its own: its memory before a checkpoint, and the most that it has while one is taken, in bytes. */
const program = (options: object) => `
  const { train } = await import(${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)});
  const stop = new AbortController();
  const run = train({ ...${JSON.stringify(options)}, rounds: 1e9, evalEvery: 2, checkpointEvery: 'never', signal: stop.signal });
  for await (const { round } of run) if (round === 6) break;
  const rss = () => process.memoryUsage.rss();
  // what the rounds take goes up and down by itself
  let before = 0;
  for (let k = 0; k < 100; k++) {
    before = Math.max(before, rss());
    await new Promise((next) => setTimeout(next, 20));
  }
  let most = 0;
  const look = setInterval(() => { most = Math.max(most, rss()); }, 5);
  const from = performance.now();
  await run.checkpoint();
  const seconds = (performance.now() - from) / 1000;
  clearInterval(look);
  stop.abort();
  await run.result.catch(() => undefined);
  console.log(JSON.stringify({ before, most, seconds }));
`;

test('a checkpoint at d = 2,000,000 and n = 5 takes the memory of a state or two, not of all', async () => {
  const out = join(folder, 'run');
  const options = { problem: 'quadratic:d=2e6', method: 'm3:p=0.5', workers: 5, threads: 5, stepSize: 0.1, out };
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program(options)]);
  const { before, most, seconds } = JSON.parse(stdout) as { before: number; most: number; seconds: number };
  const checkpoints = join(out, 'checkpoint');
  const bytes = Math.max(...readdirSync(checkpoints).map((name) => statSync(join(checkpoints, name)).size));
  console.log(
    `checkpoint ${bytes / 1e6} MB in ${seconds} s: ${before / 1e6} MB before, at most ${most / 1e6} MB while it was taken`,
  );
  // five workers and the server: less than half of them more
  expect(bytes).toBeGreaterThan(5 * 2e6 * 8);
  expect(most - before).toBeLessThan(bytes / 2);
});
