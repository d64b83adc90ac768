import { FlotillaError, type Runtime } from '@flotilla/core';
import { parseLinkModel } from '@flotilla/protocol';
import { type Options, parseOptions, train } from '@flotilla/server';
import { planRun, Training } from '@flotilla/server/internal';
import { RecordCache } from '../../experiment/record-cache.js';
import type { BenchContext } from '../bench.js';

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
/** Rounds of which the working times are measured, after some for the compiler. */
const MEASURED_ROUNDS = 60;
const WARM_UP_ROUNDS = 15;

/** How long the ends of one method work in a round, milliseconds. */
interface Work {
  readonly worker: number;
  readonly server: number;
}

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

/** What `make` gives, once for each key. */
export type Keep = <T>(key: unknown, make: () => Promise<T>) => Promise<T>;

/** Keeps what has been measured in `folder`, so that a bench that was ended goes on where it was. */
export function keptIn(folder: string): Keep {
  const cache = new RecordCache(folder);
  return async <T>(key: unknown, make: () => Promise<T>) => {
    const name = cache.nameOf(key);
    const known = cache.read<T>(name);
    if (known !== undefined) return known;
    const value = await make();
    cache.write(name, { key }, value);
    return value;
  };
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
  const work = await keep(['work', spec, job.workers], () => workOf(entry, job.workers, runtime));
  const run = async (tried: Entry, seed: string): Promise<TimedRun | null> => {
    const found = await keep([{ ...tried, label: '', style: undefined }, job, seed], () =>
      toTarget(tried, job, seed, runtime),
    );
    if (found === null) return null;
    const worked = (found.exchanges * (work.worker + work.server)) / 1000;
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

/**
 * What the slowest worker and the server work in a round: processor time of the first rounds on one thread, shared out as the
 * clock saw it, so that other programs on the machine do not count. (The slowest: where workers of a thread share work, one of
 * them does it, as each would on a core of its own.)
 */
async function workOf(entry: Entry, workers: number, runtime: Runtime): Promise<Work> {
  // whatever step is tried later, here it must not diverge; the work is the same
  const options = optionsOf({ ...entry, stepSize: entry.stepSize / 10 }, workers, '0');
  const plan = { ...(await planRun(options)), linkModels: [parseLinkModel('compute=0ms')] };
  const training = await Training.open({ ...options, transport: 'loopback' }, { plan, runtime });
  const { linkModel: model, fleet } = training;
  try {
    for (let round = 0; round < WARM_UP_ROUNDS; round++) await training.round();
    const ofWorkers = new Float64Array(workers);
    // in this model nothing takes time but the server
    const before = model?.seconds[0] as number;
    const cpu = process.cpuUsage();
    for (let round = 0; round < MEASURED_ROUNDS; round++) {
      await training.round();
      for (let k = 0; k < workers; k++) ofWorkers[k] = (ofWorkers[k] as number) + (fleet.linked?.workOf(k) as number);
    }
    const { user, system } = process.cpuUsage(cpu);
    const ofServer = 1000 * ((model?.seconds[0] as number) - before);
    const clock = ofServer + ofWorkers.reduce((sum, work) => sum + work, 0);
    const share = (user + system) / 1000 / clock / MEASURED_ROUNDS;
    return { worker: Math.max(...ofWorkers) * share, server: ofServer * share };
  } finally {
    await training.close();
  }
}

/** Runs until the loss is the target's, over modelled links of all speeds at once; null when it is not reached. */
async function toTarget(entry: Entry, job: Job, seed: string, runtime: Runtime): Promise<Measured | null> {
  const ends = `latency=${job.latency},server=0ms`;
  const rates = CURVE.map((speed) => `up=${speed.toFixed(6)}mbit,down=${speed.toFixed(6)}mbit,`);
  const options = optionsOf(entry, job.workers, seed);
  const links = [...rates, ''].map((rate) => parseLinkModel(`${rate}${ends},compute=0ms`));
  // a second for each answer counts them
  const linkModels = [...links, parseLinkModel('compute=1s,server=0ms')];
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
