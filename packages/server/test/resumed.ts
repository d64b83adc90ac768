import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { type Metrics, type RunResult, type TrainOptions, train } from '../dist/index.js';
import { suites } from './method-suites.js';

// The oracle: same configuration and seed, same xHash. A run that was stopped and goes on must be the run that never was.

/** Of the file that imports this, gone with it. */
export const folder = mkdtempSync(join(tmpdir(), 'flotilla-resume-'));
afterAll(() => rmSync(folder, { recursive: true }));

let folders = 0;
export const newFolder = () => join(folder, `run-${folders++}`);
export const read = (out: string, name: string) => readFileSync(join(out, name), 'utf8');
const timeless = ({ seconds: _, ...row }: Metrics) => row;
export const rowsIn = (out: string): Omit<Metrics, 'seconds'>[] =>
  read(out, 'metrics.jsonl')
    .trim()
    .split('\n')
    .map((line) => timeless(JSON.parse(line)));

/** What a run computed, sent and counted: all but its times and how it was run. */
function outcome({ rounds, loss, gradNormSq, gradientCalls, uplink, downlink, stopReason, xHash }: RunResult) {
  return { rounds, loss, gradNormSq, gradientCalls, uplink, downlink, stopReason, xHash };
}

export const quick: TrainOptions = {
  problem: 'heterogeneous-quadratic:d=60,nu=1,sigma=0.3',
  method: 'm3:p=0.3',
  workers: 6,
  stepSize: 0.05,
  evalEvery: 3,
  transport: 'loopback',
};

/** A run that was stopped after some rounds, in a folder of its own. */
export async function stopped(options: TrainOptions, rounds: number): Promise<string> {
  const out = newFolder();
  await train({ ...options, rounds, out }).result;
  return out;
}

/** Expects of the run in `out`, going on, what the run that was never stopped has come to. */
export async function expectSame(options: TrainOptions, rounds: number, out: string, anew: TrainOptions = {}) {
  const undisturbed = newFolder();
  const whole = await train({ ...options, rounds, out: undisturbed }).result;
  const result = await train({ resume: out, rounds, ...anew }).result;
  expect(outcome(result)).toEqual(outcome(whole));
  expect(result.model.x).toEqual(whole.model.x);
  expect(rowsIn(out)).toEqual(rowsIn(undisturbed));
  return result;
}

/** Expects of a method, stopped after round 7 and going on to round 13 on threads, what the run that was never stopped has come to. */
export async function expectResumed(name: string): Promise<void> {
  const data = suites[name]?.problem ?? { problem: 'heterogeneous-quadratic:d=60,nu=1,sigma=0.3', workers: 6 };
  const method = name.startsWith('vr-') && !name.includes(':') ? `${name}:batch=5` : name;
  const options: TrainOptions = { ...data, method, stepSize: 0.05, evalEvery: 3, transport: 'loopback' };
  const out = await stopped(options, 7);
  const result = await expectSame(options, 13, out, { transport: 'threads', threads: 2 });
  expect(result).toMatchObject({ resumed: 1, transport: 'threads', threads: 2 });
}
