import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { fixture, offReference } from '../../core/test/reference-data.js';
import { type Summary, type TrainOptions, train } from '../dist/index.js';

/** The fixed instance of MARINA-P's F.3: n = 10, d = 300. */
export const common: TrainOptions = {
  problem: 'heterogeneous-quadratic',
  data: fixture('heterogeneous-quadratic-n10.json'),
  workers: 10,
  threads: 2,
  wire: 'f64',
  evalEvery: 1,
  rounds: 100_000,
};

/** A line of the reference: a method at a step size (`mult` times theory's), to ‖∇f‖² ≤ thr · ‖∇f(x⁰)‖². */
export interface Line {
  readonly method: string;
  readonly mult: number;
  readonly gamma: number;
  readonly thr: number;
  readonly algo_seeds: number;
  readonly iter_mean: number;
  readonly iter_sd: number;
  /** Downlink coordinates a worker. */
  readonly coords_mean: number;
  readonly coords_sd: number;
}

const [head, ...lines] = readFileSync(fixture('heterogeneous-quadratic-n10.csv'), 'utf8')
  .trim()
  .split(/\r?\n/)
  .map((line) => line.split(','));
const table = lines.map((cells) =>
  Object.fromEntries(cells.map((cell, k) => [head[k], head[k] === 'method' ? cell : Number(cell)])),
) as unknown as readonly Line[];

/** The line of a method, a multiple of theory's step size and a threshold. */
export function line(method: string, mult: number, thr: number): Line {
  const found = table.find((one) => one.method === method && one.mult === mult && one.thr === thr);
  if (found === undefined) throw new Error(`the reference has no ${method}, ${mult}, ${thr}`);
  return found;
}

/** Rounds and downlink coordinates of MARINA-P agree with the reference, over five seeds. */
export async function expectAgreement(downlink: string, expected: Line): Promise<void> {
  const { gamma: stepSize, thr, algo_seeds } = expected;
  const runs: Summary[] = [];
  for (const seed of ['0', '1', '2', '3', '4']) {
    runs.push(
      await train({
        ...common,
        method: 'marina-p',
        downlink,
        stepSize,
        seed,
        targetRelative: thr,
        transport: 'loopback',
      }).result,
    );
  }
  const rounds = runs.map((run) => run.rounds);
  const coordinates = runs.map((run) => run.downlink.coordinates / 10);
  for (const [what, values, mean, sd] of [
    ['rounds', rounds, expected.iter_mean, expected.iter_sd],
    ['coordinates', coordinates, expected.coords_mean, expected.coords_sd],
  ] as const) {
    const agreement = offReference(values, { mean, sd }, algo_seeds);
    expect(agreement.off, `${agreement.mean} ${what}`).toBeLessThan(agreement.allowed);
  }
}
