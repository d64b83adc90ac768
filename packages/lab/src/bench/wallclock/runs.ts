import { FlotillaError, type Runtime } from '@flotilla/core';
import { parseLinkModel } from '@flotilla/protocol';
import { type Options, parseOptions, train } from '@flotilla/server';
import { planRun, Training } from '@flotilla/server/internal';
import type { Keep } from '../../experiment/record-cache.js';
import type { BenchContext } from '../bench.js';
import { COUNT_ANSWERS, framesAlone, secondsOfWork, type Work, workOf } from '../modelled-time.js';

/** A method as it is compared: what it is run with. */
export interface Entry {
  readonly label: string;
  readonly method: string;
  readonly stepSize: number;
  readonly uplink?: string;
  readonly downlink?: string;
  readonly coins?: Options['coins'];
  /** How it is drawn; an entry without a style gets one that is free, or is left to the tables. */
  readonly style?: number;
}

/** Mbit/s of the curves. */
export const CURVE = Array.from({ length: 21 }, (_, k) => 10 ** (k / 4 - 1));
const EVAL_EVERY = 5;

/** One run to the target, on links of every speed. */
interface Measured {
  readonly seed: string;
  readonly rounds: number;
  readonly loss: number;
  /** Frame bytes a worker. */
  readonly uplinkBytes: number;
  readonly downlinkBytes: number;
  /** Rounds, and one more for initial gradients: how often both ends work. */
  readonly exchanges: number;
  /** Virtual seconds on the links, at the speeds of CURVE and then without a rate. */
  readonly linkSeconds: readonly number[];
}

/** A run, and how long it takes. */
interface TimedRun extends Measured {
  /** Links and work: all workers work equally long, so that no link hides it. */
  readonly seconds: readonly number[];
}

export interface Job {
  readonly workers: number;
  readonly latency: string;
  /** f to reach. */
  readonly target: number;
  readonly rounds: number;
}

const optionsOf = ({ method, stepSize, uplink, downlink, coins }: Entry, workers: number, seed: string): Options =>
  parseOptions({ method, stepSize, uplink, downlink, coins, workers, seed, threads: 'auto' });

export async function lossAfter(entry: Entry, workers: number, rounds: number): Promise<number> {
  const { loss } = await train({ ...optionsOf(entry, workers, '0'), rounds, evalEvery: rounds }).result;
  return loss;
}

export interface Result extends Entry {
  readonly work: Work;
  /** Runs that reached the target, one a seed. */
  readonly runs: readonly TimedRun[];
  /** Step sizes that were tried, and the seconds at 10 Mbit/s of those that reached the target. */
  readonly tuned: readonly { readonly stepSize: number; readonly seconds: number | null }[];
}

/** How long a method takes to the target: the work of its ends, its step size, and a run for each seed. */
export async function measureToTarget(
  entry: Entry,
  job: Job,
  seeds: readonly string[],
  factors: readonly number[],
  { log, runtime }: Pick<BenchContext, 'log' | 'runtime'>,
  keep: Keep,
): Promise<Result> {
  const { label: _, style: __, ...spec } = entry;
  // whatever step is tried later, here it must not diverge; the work is the same
  const safe = { ...entry, stepSize: entry.stepSize / 10 };
  const work = await keep(['work', spec, job.workers], () => workOf(optionsOf(safe, job.workers, '0'), runtime));
  const run = async (tried: Entry, seed: string): Promise<TimedRun | null> => {
    const found = await keep([{ ...tried, label: '', style: undefined }, job, seed], () =>
      toTarget(tried, job, seed, runtime),
    );
    if (found === null) return null;
    const worked = secondsOfWork(found.exchanges, work);
    return { ...found, seconds: found.linkSeconds.map((seconds) => seconds + worked) };
  };
  const first = seeds[0] as string;
  const at10 = CURVE.indexOf(10);
  let best: { entry: Entry; run: TimedRun | undefined } | undefined;
  const tuned = [];
  for (const factor of factors) {
    const tried = { ...entry, stepSize: Number((entry.stepSize * factor).toPrecision(3)) };
    const found = await run(tried, first);
    const seconds = found?.seconds[at10] ?? null;
    log(`${entry.label}, step size ${tried.stepSize}: ${found === null ? 'not reached' : `${found.rounds} rounds`}`);
    tuned.push({ stepSize: tried.stepSize, seconds });
    if (
      best === undefined ||
      (seconds ?? Number.POSITIVE_INFINITY) < (best.run?.seconds[at10] ?? Number.POSITIVE_INFINITY)
    )
      best = { entry: tried, run: found ?? undefined };
  }
  const runs = best?.run === undefined ? [] : [best.run];
  for (const seed of runs.length === 0 ? [] : seeds.slice(1)) {
    const found = await run((best as { entry: Entry }).entry, seed);
    log(`${entry.label}, seed ${seed}: ${found === null ? 'not reached' : `${found.rounds} rounds`}`);
    if (found !== null) runs.push(found);
  }
  return { ...(best?.entry ?? entry), work, runs, tuned };
}

/** Runs until the loss is the target's, over modelled links of all speeds at once; null when it is not reached. */
async function toTarget(entry: Entry, job: Job, seed: string, runtime: Runtime): Promise<Measured | null> {
  // the threads are those of a run with modelled links
  const options = { ...optionsOf(entry, job.workers, seed), linkModel: COUNT_ANSWERS };
  const links = [...CURVE, undefined].map((speed) => parseLinkModel(framesAlone(speed, job.latency)));
  const linkModels = [...links, parseLinkModel(COUNT_ANSWERS)];
  const training = await Training.open(options, { plan: { ...(await planRun(options)), linkModels }, runtime });
  const { linkModel: model } = training;
  try {
    while (training.rounds < job.rounds) {
      await training.round();
      if (training.rounds % EVAL_EVERY !== 0) continue;
      const { loss, uplink, downlink } = await training.evaluate();
      if (loss > job.target) continue;
      const { workers } = job;
      const [uplinkBytes, downlinkBytes] = [uplink.frameBytes / workers, downlink.frameBytes / workers];
      const seconds = model?.seconds ?? [];
      const [exchanges = 0] = seconds.splice(links.length);
      return { seed, rounds: training.rounds, loss, uplinkBytes, downlinkBytes, exchanges, linkSeconds: seconds };
    }
    return null;
  } catch (error) {
    if (error instanceof FlotillaError && error.code === 'diverged') return null;
    throw error;
  } finally {
    await training.close();
  }
}

export interface Paced {
  readonly label: string;
  readonly stepSize: number;
  readonly rounds: number;
  readonly loss: number;
  readonly wallSeconds: number;
  readonly modelSeconds: number | null;
}

/** The same for real: the clock on the wall while every frame waits for its link. */
export async function runPaced(
  results: readonly Result[],
  job: Job,
  speed: number,
  log: BenchContext['log'],
): Promise<Paced[]> {
  const list = [];
  const link = `up=${speed}mbit,down=${speed}mbit,latency=${job.latency}`;
  for (const result of results) {
    const options = { ...optionsOf(result, job.workers, '0'), link, linkModel: link };
    const stop = { targetLoss: job.target, rounds: job.rounds, evalEvery: EVAL_EVERY };
    const { rounds, loss, wallSeconds, modelSeconds } = await train({ ...options, ...stop }).result;
    log(`${result.label}, paced at ${speed} Mbit/s: ${wallSeconds.toFixed(1)} s`);
    list.push({ label: result.label, stepSize: result.stepSize, rounds, loss, wallSeconds, modelSeconds });
  }
  return list;
}
