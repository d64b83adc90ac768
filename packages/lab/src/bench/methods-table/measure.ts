import { FlotillaError } from '@flotilla/core';
import { parseOptions } from '@flotilla/server';
import type { Keep } from '../../experiment/record-cache.js';
import type { RunRecord } from '../../experiment/run-record.js';
import type { Sweep } from '../../experiment/sweep.js';
import { spread } from '../../report/statistics.js';
import type { BenchContext } from '../bench.js';
import { hasSamplesFor, label } from '../methods.js';
import { COUNT_ANSWERS, framesAlone, type Work, workOf } from '../modelled-time.js';
import type { Case, Entry } from './cases.js';
import { type Cost, search } from './search.js';

/** Links that seconds are given for: Mbit/s both ways, and latency. */
export const LINKS = [
  { speed: 1, latency: '0ms' },
  { speed: 10, latency: '0ms' },
  { speed: 100, latency: '0ms' },
  { speed: 10, latency: '10ms' },
] as const;

const LINK_MODELS = [...LINKS.map(({ speed, latency }) => framesAlone(speed, latency)), COUNT_ANSWERS];

/** A run that reached the target. Bytes are those of frames, for one worker in the mean. */
export interface Reached {
  readonly seed: string;
  readonly rounds: number;
  readonly uplinkBytes: number;
  readonly downlinkBytes: number;
  /** Seconds that its frames take, for each of LINKS. */
  readonly linkSeconds: readonly number[];
  /** How often both ends work. */
  readonly answers: number;
}

/** A method at one step size, over seeds. */
export interface AtStepSize {
  /** Of the first seed; null when that run diverged. */
  readonly stepSize: number | null;
  /** Power of two that the base is multiplied by. */
  readonly power: number;
  readonly seeds: number;
  /** The runs that reached the target: all of them, or the method counts as not having reached it. */
  readonly reached: readonly Reached[];
  /** Where the first seed stood when it was given up: the target's quantity over the target; null when it diverged. */
  readonly stood: number | null;
}

/** An entry on a case. */
export interface Measured {
  readonly entry: Entry;
  readonly theory: AtStepSize;
  /** Null when no step size reached the target. */
  readonly tuned: AtStepSize | null;
  /** Null when `tuned` is. */
  readonly work: Work | null;
}

/** A case with all entries; those that do not apply, and why. */
export interface CaseResult {
  readonly of: Case;
  readonly measured: readonly Measured[];
  readonly leftOut: readonly { readonly entry: Entry; readonly reason: string }[];
}

export interface Setup {
  readonly sweep: Sweep;
  readonly keep: Keep;
  readonly seeds: readonly string[];
}

/** Of the work of a round. */
const MEASUREMENTS = 5;
/** How many step sizes, the cheapest with the first seed, are tried with all seeds. */
const CANDIDATES = 3;

/** Runs every entry on a case. */
export async function measureCase(
  of: Case,
  entries: readonly Entry[],
  setup: Setup,
  { log, runtime }: Pick<BenchContext, 'log' | 'runtime'>,
): Promise<CaseResult> {
  const leftOut: { entry: Entry; reason: string }[] = [];
  const found = await Promise.all(
    entries.map(async (entry) => {
      if (!hasSamplesFor(entry.method, of.problem)) {
        leftOut.push({ entry, reason: 'draws batches of samples, and this problem has none' });
        return [];
      }
      const one = await measure(of, entry, setup).catch((thrown: unknown) => {
        if (!(thrown instanceof FlotillaError) || thrown.code !== 'usage') throw thrown;
        leftOut.push({ entry, reason: thrown.message });
      });
      if (one === undefined) return [];
      log(
        `${of.id}: ${label(entry)}: ${one.tuned === null ? 'not reached' : `${one.tuned.reached[0]?.rounds} rounds`}`,
      );
      return [one];
    }),
  );
  const measured: Measured[] = [];
  // one after the other, when the sweep has nothing to do: processor time is what is measured
  for (const one of found.flat()) {
    const gamma = one.tuned?.stepSize;
    const work =
      gamma === null || gamma === undefined
        ? null
        : // whatever the tuned step does beyond the target, this one must not diverge; the work is the same
          await setup.keep(['work', of, one.entry], () =>
            workOf(safeOptions(of, one.entry, gamma / 10, setup), runtime, MEASUREMENTS),
          );
    measured.push({ ...one, work });
  }
  return { of, measured, leftOut };
}

const safeOptions = (of: Case, entry: Entry, stepSize: number, { seeds }: Setup) =>
  parseOptions({ ...optionsOf(of, entry), stepSize, seed: seeds[0] });

function optionsOf({ problem, data, workers, evalEvery, target }: Case, { method, uplink, downlink }: Entry) {
  const stop =
    target.of === 'loss'
      ? { targetLoss: target.value }
      : target.relative === true
        ? { targetRelative: target.value }
        : { target: target.value };
  return { method, uplink, downlink, problem, data, workers, evalEvery, transport: 'loopback' as const, ...stop };
}

async function measure(of: Case, entry: Entry, { sweep, seeds }: Setup): Promise<Omit<Measured, 'work'>> {
  const options = optionsOf(of, entry);
  const run = (power: number, seed: string, rounds: number): Promise<RunRecord> =>
    sweep.run({
      options: { ...options, seed, rounds, stepSize: power === 0 ? 'theory' : `theory*${2 ** power}` },
      targets: [of.target],
      linkModels: LINK_MODELS,
    });
  /** All seeds, unless the first one does not get there. */
  const atPower = async (power: number): Promise<AtStepSize> => {
    const first = await run(power, seeds[0] as string, of.rounds);
    const others = isReached(first) ? seeds.slice(1).map((seed) => run(power, seed, of.rounds)) : [];
    const records = [first, ...(await Promise.all(others))];
    return {
      stepSize: first.summary?.stepSize ?? null,
      power,
      seeds: records.length,
      reached: records.flatMap((record, k) => reachedBy(record, seeds[k] as string, of.workers)),
      stood: stoodAt(first, of),
    };
  };
  const tried = await search(async (power, rounds) => {
    const record = await run(power, seeds[0] as string, rounds);
    return { cost: costOf(record), distance: stoodAt(record, of) ?? Number.POSITIVE_INFINITY };
  }, of.rounds);
  const theory = await atPower(0);
  const candidates = await Promise.all(tried.slice(0, CANDIDATES).map(({ power }) => atPower(power)));
  const [tuned = null] = candidates
    .filter(({ reached }) => reached.length === seeds.length)
    .sort((a, b) => meanBytes(a) - meanBytes(b));
  return { entry, theory, tuned };
}

const meanBytes = ({ reached }: AtStepSize) =>
  spread(reached.map(({ uplinkBytes, downlinkBytes }) => uplinkBytes + downlinkBytes)).mean;

const isReached = ({ hits }: RunRecord) => hits[0] !== null;

function costOf({ hits: [hit] }: RunRecord): Cost | null {
  return hit === null || hit === undefined
    ? null
    : { bytes: hit.uplink.frameBytes + hit.downlink.frameBytes, rounds: hit.round };
}

function reachedBy({ hits: [hit], modelSeconds }: RunRecord, seed: string, workers: number): Reached[] {
  if (hit === null || hit === undefined) return [];
  // the run ended with its target, and so did its clocks
  const linkSeconds = [...(modelSeconds ?? [])];
  const [answers = 0] = linkSeconds.splice(LINKS.length);
  return [
    {
      seed,
      rounds: hit.round,
      uplinkBytes: hit.uplink.frameBytes / workers,
      downlinkBytes: hit.downlink.frameBytes / workers,
      linkSeconds,
      answers,
    },
  ];
}

function stoodAt({ rows, diverged }: RunRecord, { target }: Case): number | null {
  const [start, end] = [rows[0], rows.at(-1)];
  if (start === undefined || end === undefined || diverged !== null) return null;
  if (target.of === 'loss') return end.loss / target.value;
  return end.gradNormSq / (target.value * (target.relative === true ? start.gradNormSq : 1));
}
