import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type MovableServerEnd, parseLinkModel } from '@flotilla/protocol';
import { describe, expect, test } from 'vitest';
import { Balance } from '../dist/hosts/balance.js';
import { type TrainOptions, train } from '../dist/index.js';
import { parseOptions } from '../dist/run/options.js';
import { planRun } from '../dist/run/plan.js';
import { Training } from '../dist/training.js';

/** A run that takes what the counts of its threads say, as {@link Balance} sees it. */
class Imagined {
  readonly times = { working: 0, waiting: 0 };
  readonly hosts: number;
  readonly workers: number;
  #hosts: readonly number[];
  #seconds = 0;
  /** Microseconds. */
  #waited = 2 ** 32 - 1e5;

  constructor(
    counts: readonly number[],
    /** Milliseconds of a round, and of its parts. */
    private readonly round: (counts: readonly number[]) => {
      own: number;
      others: number;
      wake: number;
      server: number;
    },
  ) {
    this.hosts = counts.length;
    this.#hosts = counts.flatMap((count, thread) => Array<number>(count).fill(thread));
    this.workers = this.#hosts.length;
  }

  hostOf(worker: number): number {
    return this.#hosts[worker] as number;
  }

  waited(): number {
    return Math.floor(this.#waited) >>> 0;
  }

  get counts(): number[] {
    return Array.from({ length: this.hosts }, (_, thread) => this.#hosts.filter((host) => host === thread).length);
  }

  /** The counts one after the other until they are settled. */
  settle(buildMs = 0): number[][] {
    const balance = new Balance(this as unknown as MovableServerEnd, buildMs);
    const all = [this.counts];
    for (let k = 0; k < 5_000_000 && !balance.isSettled; k++) {
      balance.beforeRound(this.#seconds);
      const { own, others, wake, server } = this.round(this.counts);
      const waiting = Math.max(0, wake + others - own);
      this.#waited += 1000 * (server + own + waiting - others);
      this.times.working += own;
      this.times.waiting += waiting;
      this.#seconds += (server + own + waiting) / 1000;
      const hosts = balance.afterRound(this.#seconds);
      // an evaluation, which is none of the round's
      this.times.working += 1000;
      if (hosts === undefined) continue;
      this.#hosts = hosts;
      all.push(this.counts);
    }
    expect(balance.isSettled).toBe(true);
    return all;
  }
}

/** `each` ms a worker, `wake` for another thread's wake-up, `server` ms of the server's own work while others work. */
const machine =
  ({ each, wake = 0.03, server = 0 }: { each: number; wake?: number; server?: number }) =>
  (counts: readonly number[]) => {
    const most = Math.max(0, ...counts.slice(1));
    return { own: each * (counts[0] as number), others: each * most, wake: most === 0 ? 0 : wake - server, server };
  };

/** Milliseconds of a round of that machine. */
function timeOf(counts: readonly number[], of: ReturnType<typeof machine>): number {
  const { own, others, wake, server } = of(counts);
  return server + Math.max(own, wake + others);
}

describe('which threads host whom', () => {
  test('rounds that are shorter than a wake-up go to the server’s thread', () => {
    // each twice, in turns
    expect(new Imagined([10, 10], machine({ each: 0.001 })).settle()).toEqual([
      [10, 10],
      [20, 0],
      [10, 10],
      [20, 0],
    ]);
    expect(new Imagined([1, 1, 1, 1], machine({ each: 0.001 })).settle().at(-1)).toEqual([4, 0, 0, 0]);
  });

  test('equal shares stay where the server has next to nothing to do', () => {
    expect(new Imagined([10, 10], machine({ each: 1 })).settle()).toEqual([[10, 10]]);
    expect(new Imagined([2, 3], machine({ each: 0.06, server: 0.06 })).settle()).toEqual([[2, 3]]);
  });

  test.each([
    [2, 20, { each: 1, server: 4 }],
    [2, 20, { each: 0.05, server: 0.2 }],
    [2, 7, { each: 10, server: 15 }],
    [4, 40, { each: 0.3, server: 2 }],
    [8, 20, { each: 1, server: 1.9 }],
    // others begin late, which shows only once the server waits for them
    [2, 1000, { each: 0.0034, server: 0.55, wake: 0.3 }],
    [4, 1000, { each: 0.0034, server: 0.55, wake: 0.3 }],
  ])('on %i threads %i workers are as fast as they can be: %o', (threads, workers, of) => {
    const start = Array.from(
      { length: threads },
      (_, t) => Math.floor(((t + 1) * workers) / threads) - Math.floor((t * workers) / threads),
    );
    const all = new Imagined(start, machine(of)).settle();
    let least = Number.POSITIVE_INFINITY;
    for (let own = 1; own <= workers; own++) {
      const other = Math.ceil((workers - own) / (threads - 1));
      least = Math.min(least, timeOf([own, other], machine(of)));
    }
    // what is within the least share that is worth a move is as good
    expect(timeOf(all.at(-1) as number[], machine(of))).toBeLessThan(least / 0.95);
  });

  test.each([
    [16, 20, { each: 0.0024, wakes: 0.004 }],
    [16, 20, { each: 0.0024, wakes: 0.001 }],
    [64, 1000, { each: 0.002, wakes: 0.01 }],
    [12, 12, { each: 0.01, wakes: 0.02 }],
    [16, 20, { each: 0.0001, wakes: 0.004 }],
    [16, 20, { each: 1, wakes: 0.004 }],
  ])('of %i threads for %i workers as many wake up as are fast: %o', (threads, workers, { each, wakes }) => {
    // a wake-up takes the server's thread so long, for each thread
    const of = (counts: readonly number[]) => {
      const others = counts.slice(1).filter((count) => count > 0).length;
      return machine({ each, wake: 0.03, server: wakes * others })(counts);
    };
    const even = (among: number) => {
      const k = Math.floor(workers / among);
      const rest = workers - k;
      const others = Array.from({ length: among - 1 }, (_, t) => Math.floor((rest + t) / (among - 1)));
      return [k, ...others, ...Array<number>(threads - among).fill(0)];
    };
    const take = (counts: readonly number[]) => timeOf(counts, () => of(counts));
    const settled = new Imagined(even(threads), of).settle().at(-1) as number[];
    expect(settled.reduce((sum, count) => sum + count)).toBe(workers);
    const halves = [];
    for (let among = threads; among > 1; among = Math.ceil(among / 2)) halves.push(take(even(among)));
    halves.push(take([workers, ...Array<number>(threads - 1).fill(0)]));
    expect(take(settled)).toBeLessThan(Math.min(...halves) / 0.95);
  });

  test('what turns out to be slower is undone', () => {
    // on one thread everything falls out of the cache
    const counts = new Imagined([4, 4], (of) =>
      of[1] === 0 ? { own: 4, others: 0, wake: 0, server: 0 } : { own: 0.1, others: 0.1, wake: 0.8, server: 0 },
    ).settle();
    expect(counts).toContainEqual([8, 0]);
    expect(counts.at(-1)).toEqual([4, 4]);
  });

  test('a machine that becomes slower, or faster, meanwhile changes nothing', () => {
    for (const k of [5, 0.2]) {
      let rounds = 0;
      const fast = machine({ each: 0.001 });
      const counts = new Imagined([10, 10], (of) => {
        if (of[1] === 0) rounds++;
        const { own, others, wake, server } = fast(of);
        const factor = rounds > 0 ? k : 1;
        return { own: factor * own, others: factor * others, wake: factor * wake, server };
      }).settle();
      expect(counts.at(-1)).toEqual([20, 0]);
    }
  });

  test('workers that are expensive to build stay for a small gain', () => {
    const slow = machine({ each: 0.001 });
    expect(new Imagined([10, 10], slow).settle(1000)).toEqual([[10, 10]]);
  });
});

describe.skipIf(availableParallelism() === 1)('workers that move', () => {
  const quadratic = 'heterogeneous-quadratic:d=40';
  const mushrooms = fileURLToPath(new URL('../../core/test/fixtures/mushrooms-508.libsvm', import.meta.url));
  test.each<TrainOptions>([
    { method: 'm3', problem: quadratic, workers: 5 },
    { method: 'marina', problem: quadratic, workers: 4, uplink: 'rand-k:k=3', checksum: 'on' },
    { method: 'pp-marina:sampled=2', problem: quadratic, workers: 6, uplink: 'rand-k:k=3' },
    { method: 'vr-marina', problem: 'logistic', data: mushrooms, workers: 3, uplink: 'rand-k:k=5', batch: 3 },
    { method: 'm3', workers: 3, downlink: 'perm-k' },
  ])('take their states with them: %o', async (input) => {
    const rounds = 8;
    const run = async (own: TrainOptions, moves: boolean) => {
      const training = await Training.open(parseOptions({ ...input, ...own, seed: 'moves' }));
      try {
        const { workers } = input as { workers: number };
        for (let round = 0; round < rounds; round++) {
          await training.round();
          if (!moves || round >= 4) continue;
          const hosts = [
            Array<number>(workers).fill(0),
            Array.from({ length: workers }, (_, worker) => (worker < workers - 1 ? 0 : 1)),
            Array<number>(workers).fill(1),
            Array.from({ length: workers }, (_, worker) => (worker === 0 ? 0 : 1)),
          ][round] as number[];
          await training.place(hosts);
          expect(training.fleet.threads).toBe(new Set(hosts).size);
        }
        const { loss } = await training.evaluate();
        const { gradientCalls } = await training.spent();
        return { xHash: training.xHash(), loss, gradientCalls, bytes: training.ledger.frameBytes };
      } finally {
        await training.close();
      }
    };
    const [moved, stayed] = [await run({ threads: 'auto' }, true), await run({ threads: 1 }, false)];
    expect(moved).toEqual(stayed);
  });
});

test('one hash on threads that are chosen, on one, two and twenty, and on none', async () => {
  // long enough for the choice to be made
  const options = { problem: 'heterogeneous-quadratic:d=2000', workers: 20, rounds: 5000, evalEvery: 2500 };
  const hashes = new Set<string>();
  for (const threads of ['auto', 1, 2, 20] as const) hashes.add((await train({ ...options, threads }).result).xHash);
  hashes.add((await train({ ...options, transport: 'loopback' }).result).xHash);
  expect(hashes.size).toBe(1);
});

test('links of which the options say nothing are refused where the server’s thread hosts workers: it would wait for itself', async () => {
  const options = parseOptions({ method: 'gd', problem: 'quadratic', workers: 4, stepSize: 0.1, threads: 'auto' });
  const linkModels = [parseLinkModel('up=1mbit,down=1mbit')];
  const plan = { ...(await planRun(options)), linkModels };
  await expect(Training.open(options, { plan })).rejects.toMatchObject({ code: 'internal' });
  const training = await Training.open({ ...options, linkModel: 'up=1mbit,down=1mbit' }, { plan });
  await training.round();
  expect(training.rounds).toBe(1);
  await training.close();
});
