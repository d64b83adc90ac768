import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-memory-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** In a process of its own: the peak of its memory before a checkpoint, behind it, and after going on from it, in bytes. */
const program = (options: object) => `
  const { train } = await import(${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)});
  const peak = () => 1024 * process.resourceUsage().maxRSS;
  const stop = new AbortController();
  const run = train({ ...${JSON.stringify(options)}, rounds: 1e9, evalEvery: 2, checkpointEvery: 'never', signal: stop.signal });
  for await (const { round } of run) if (round === 6) break;
  const before = peak();
  const from = performance.now();
  const { path } = await run.checkpoint();
  const seconds = (performance.now() - from) / 1000;
  const behind = peak();
  stop.abort();
  await run.result.catch(() => undefined);
  console.log(JSON.stringify({ before, behind, seconds }));
`;

test('a checkpoint at d = 2,000,000 and n = 5 takes the memory of a state or two, not of all', async () => {
  const out = join(folder, 'run');
  const options = { problem: 'quadratic:d=2e6', method: 'm3:p=0.5', workers: 5, threads: 5, stepSize: 0.1, out };
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program(options)]);
  const { before, behind, seconds } = JSON.parse(stdout) as { before: number; behind: number; seconds: number };
  const checkpoints = join(out, 'checkpoint');
  const bytes = Math.max(...readdirSync(checkpoints).map((name) => statSync(join(checkpoints, name)).size));
  console.log(`checkpoint ${bytes / 1e6} MB in ${seconds} s; peak ${before / 1e6} MB, then ${behind / 1e6} MB`);
  // five workers and the server: less than half of them more
  expect(bytes).toBeGreaterThan(5 * 2e6 * 8);
  expect(behind - before).toBeLessThan(bytes / 2);
});
