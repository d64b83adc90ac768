import type { RunRecord } from '../experiment/run-record.js';
import type { Sweep } from '../experiment/sweep.js';
import { spread } from '../report/statistics.js';

/** γL that are tried: the infimum of F_T lies at infinity, and at 1/L a block alone takes gradient descent some 53 rounds. */
export const STEPS = [30, 100, 300, 1000, 10_000];

/** A method with its downlink on the instance of MARINA-P's lower bound, as far as the bound knows them. */
export interface Setting {
  readonly label: string;
  readonly method: 'marina-p' | 'ef21-p';
  readonly downlink: (k: number) => string;
  /** n; PermK's ω is n − 1. */
  readonly workers: number | 'omega + 1';
  /** Whether the blocks are dealt out; else all workers hold all of them. */
  readonly dealt: boolean;
  /** Which workers a coordinate that a compressed message carries reaches. */
  readonly reaches: 'its own' | 'all' | 'one, each once';
}

/** n of a setting at ω + 1. */
const workersOf = ({ workers }: Setting, omega: number) => (workers === 'omega + 1' ? omega : workers);

/**
 * The largest chance that a round brings a coordinate where the chain goes on from it: to the one worker that holds the next
 * block, or to any where all hold it. MARINA-P sends all of x with p = K/d.
 * @param omega ω + 1 = d/K
 */
function chance(setting: Setting, omega: number): number {
  const { method, dealt, reaches } = setting;
  const n = workersOf(setting, omega);
  const share = 1 / omega;
  const anyOf = { 'its own': 1 - (1 - share) ** n, all: share, 'one, each once': 1 };
  const carried = dealt ? share : anyOf[reaches];
  return method === 'ef21-p' ? carried : share + (1 - share) * carried;
}

/** A lower bound of the expected rounds until x_T ≠ 0, at every step size. */
const bound = (setting: Setting, T: number, omega: number) => 1 + (T - 1) / chance(setting, omega);

/** ε of the instance with L = δ⁰ = 1. */
const epsilonOf = (T: number) => 1 / (2 * T * 152 * 12);

/** Rounds to ‖∇f‖² ≤ ε at one ω + 1. */
export interface Measured {
  readonly omega: number;
  readonly workers: number;
  readonly bound: number;
  /** γL, the best by the mean over seeds. */
  readonly stepSize: number;
  /** Rounds, for each seed; empty when no step size got all seeds there. */
  readonly rounds: readonly number[];
}

/** A setting over ω + 1. */
export interface Line {
  readonly setting: Setting;
  readonly T: number;
  readonly points: readonly Measured[];
}

/** What a line is measured with. */
interface Grid {
  readonly T: number;
  /** ω + 1 = T/K */
  readonly omegas: readonly number[];
  readonly seeds: number;
  /** γL; those above when left out. */
  readonly steps?: readonly number[];
  /** Rounds after which a run is given up; eight times the bound and 400 when left out. */
  readonly cap?: number;
}

/** Runs a setting for each ω + 1, seed and step size. */
export async function measure(
  sweep: Sweep,
  setting: Setting,
  { T, omegas, seeds, steps = STEPS, cap }: Grid,
): Promise<Line> {
  const one = async (omega: number): Promise<Measured> => {
    const limit = bound(setting, T, omega);
    const workers = workersOf(setting, omega);
    const tried = await Promise.all(
      steps.map(async (stepSize) => ({
        stepSize,
        rounds: hitsOf(
          await Promise.all(
            Array.from({ length: seeds }, (_, seed) =>
              sweep.run({
                options: {
                  problem: `lower-bound:t=${T}${setting.dealt ? '' : ',dealt=false'}`,
                  method: setting.method,
                  downlink: setting.downlink(T / omega),
                  workers,
                  transport: 'loopback',
                  wire: 'f64',
                  stepSize,
                  seed: String(seed),
                  target: epsilonOf(T),
                  evalEvery: 1,
                  rounds: cap ?? Math.ceil(8 * limit) + 400,
                },
                targets: [{ value: epsilonOf(T) }],
                rows: 2,
              }),
            ),
          ),
        ),
      })),
    );
    const mean = (rounds: readonly number[]) => (rounds.length === 0 ? Number.POSITIVE_INFINITY : spread(rounds).mean);
    const best = tried.reduce((least, next) => (mean(next.rounds) < mean(least.rounds) ? next : least));
    return { omega, workers, bound: limit, ...best };
  };
  return { setting, T, points: await Promise.all(omegas.map(one)) };
}

/** Rounds to the target, for each seed; empty unless all got there. */
function hitsOf(records: readonly RunRecord[]): number[] {
  const hits = records.flatMap(({ hits: [hit] }) => (hit === null || hit === undefined ? [] : [hit.round]));
  return hits.length === records.length ? hits : [];
}

/** Rounds for one more in ω + 1, over ω + 1 ≥ 2: the slope of the least-squares line; `log`: of the logarithms of both. */
export function slope({ points }: Pick<Line, 'points'>, of: (point: Measured) => number, log = false): number {
  const scale = log ? Math.log : (value: number) => value;
  const compressed = points.filter(({ omega }) => omega > 1);
  const [x, y] = [compressed.map(({ omega }) => scale(omega)), compressed.map((point) => scale(of(point)))];
  const [mx, my] = [spread(x).mean, spread(y).mean];
  const products = x.map((v, k) => (v - mx) * ((y[k] as number) - my));
  return sum(products) / sum(x.map((v) => (v - mx) ** 2));
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Mean rounds; not a number when not all seeds got there. */
export const meanRounds = ({ rounds }: Measured) => (rounds.length === 0 ? Number.NaN : spread(rounds).mean);
