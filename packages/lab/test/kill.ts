import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Summary } from '@flotilla/server';
import { expect } from 'vitest';
import { flotilla, main } from './command-line.js';

// Runs of the command line that are killed, without a chance to say goodbye, and go on.

const JOB = [
  'start --problem heterogeneous-quadratic:d=60,nu=1,sigma=0.3 --method m3:p=0.2 --workers 4 --threads 2 --step-size 0.05',
  '--rounds 300 --eval-every 25 --checkpoint-every 10 --quiet --json',
].join(' ');

/** The undisturbed run: its hash, its rows, and how long it took. */
export async function undisturbed(folder: string) {
  const from = process.hrtime.bigint();
  const { code, stdout } = await flotilla(`${JOB} --out whole`.split(' '), folder);
  expect(code).toBe(0);
  const ms = Number(process.hrtime.bigint() - from) / 1e6;
  return { summary: JSON.parse(stdout) as Summary, rows: rowsIn(join(folder, 'whole')), ms };
}

/** Rows less their times. */
function rowsIn(out: string): object[] {
  const lines = readFileSync(join(out, 'metrics.jsonl'), 'utf8').trim().split('\n');
  return lines.map((line) => ({ ...JSON.parse(line), seconds: 0 }));
}

/** When a run is killed: after some time, or as soon as there is a file, and a moment later. */
export interface Point {
  readonly file?: string;
  readonly ms: number;
}

/** Kills a run at one point, and what goes on with it at others; expects the undisturbed run's result. Gives how often it went on. */
export async function killed(
  folder: string,
  out: string,
  points: readonly Point[],
  { summary, rows }: Awaited<ReturnType<typeof undisturbed>>,
): Promise<number> {
  const path = join(folder, out);
  const hasBegun = () => existsSync(join(path, 'config.json'));
  for (const point of points) {
    const line = hasBegun() ? `start --resume ${out} --quiet` : `${JOB} --out ${out}`;
    await killAt(folder, line.split(' '), point, path);
  }
  const line = hasBegun() ? `start --resume ${out} --quiet --json` : `${JOB} --out ${out}`;
  const { code, stdout, stderr } = await flotilla(line.split(' '), folder);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const end = JSON.parse(stdout) as Summary;
  for (const key of ['xHash', 'rounds', 'uplink', 'downlink', 'gradientCalls', 'loss', 'stopReason'] as const) {
    expect(end[key], key).toEqual(summary[key]);
  }
  expect(rowsIn(path)).toEqual(rows);
  return end.resumed;
}

function killAt(cwd: string, words: readonly string[], { file, ms }: Point, path: string): Promise<void> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [main, ...words], { cwd, stdio: 'ignore' });
    const kill = () => setTimeout(() => child.kill('SIGKILL'), ms);
    // a look every few milliseconds is enough: what lies there for less is met by chance, as in life
    const look = setInterval(() => {
      if (file !== undefined && !existsSync(join(path, file))) return;
      clearInterval(look);
      kill();
    }, 2);
    child.on('close', () => {
      clearInterval(look);
      resolve();
    });
  });
}
