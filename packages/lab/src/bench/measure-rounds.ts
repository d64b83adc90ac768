import type { Method, Runtime } from '@flotilla/core';
import { Boundary } from '@flotilla/protocol';
import { type Options, parseOptions } from '@flotilla/server';
import { planRun, Training } from '@flotilla/server/internal';

/** Rounds measured at least. */
const MIN_ROUNDS = 3;
const WARM_ROUNDS = 50;
/** What is waited at most until workers move no more, as a multiple of the time that is measured. */
const SETTLED_AFTER = 10;

/** What rounds of a job take. */
export interface Measured {
  readonly rounds: number;
  /** Median over ten blocks of rounds. */
  readonly msPerRound: number;
  /** Lower and upper quartile of them. */
  readonly spread: readonly [low: number, high: number];
  /** Gradients of all workers. */
  readonly gradientMs: number;
  readonly threads: number;
  readonly startSeconds: number;
  /** Milliseconds a round of the server thread by stage, in rounds of their own. */
  readonly stages: Readonly<Record<string, number>>;
  /** Milliseconds a round that a worker thread, on average, spends in gradients and waits; of those rounds. */
  readonly thread: { readonly gradient: number; readonly wait: number };
}

/**
 * Runs rounds of a job on the calling thread's server until the budget is spent, and then, itemised, for as long again.
 * @param warmRounds Rounds before them, at least
 */
export async function measureRounds(
  input: Record<string, unknown>,
  budgetMs: number,
  runtime: Runtime,
  warmRounds = MIN_ROUNDS,
): Promise<Measured> {
  const options: Options = parseOptions(input);
  const from = runtime.now();
  const plan = await planRun(options);
  const stages = new Stages(runtime);
  const training = await Training.open(options, { plan: { ...plan, method: staged(plan.method, stages) }, runtime });
  try {
    const startSeconds = (runtime.now() - from) / 1000;
    await training.start();
    const spent = async () => 1000 * (await training.spent()).computeSeconds;
    // the first rounds compile the code, on every thread, and show which threads are best
    const warming = runtime.now();
    const passed = () => runtime.now() - warming;
    const isWarm = (rounds: number) =>
      rounds >= warmRounds &&
      (rounds >= WARM_ROUNDS || passed() >= 4 * budgetMs) &&
      passed() >= budgetMs / 4 &&
      (training.isSettled || passed() >= SETTLED_AFTER * budgetMs);
    for (let k = 0; !isWarm(k); k++) await training.round();
    const before = await spent();
    const blocks: number[] = [];
    let rounds = 0;
    const until = runtime.now() + budgetMs;
    for (let left = budgetMs; left > 0 || blocks.length < MIN_ROUNDS; left = until - runtime.now()) {
      const block = runtime.now();
      let count = 0;
      do {
        await training.round();
        count++;
      } while (runtime.now() - block < budgetMs / 10);
      blocks.push((runtime.now() - block) / count);
      rounds += count;
    }
    blocks.sort((a, b) => a - b);
    const gradientMs = ((await spent()) - before) / rounds;
    return {
      rounds,
      msPerRound: blocks[blocks.length >> 1] as number,
      spread: [blocks[blocks.length >> 2] as number, blocks[(3 * blocks.length) >> 2] as number],
      gradientMs,
      threads: training.fleet.threads,
      startSeconds,
      ...(await itemise(training, stages, spent, budgetMs)),
    };
  } finally {
    await training.close();
  }
}

/** Where the time of a round goes: the server's, by stage, and the worker threads'. */
async function itemise(
  training: Training,
  stages: Stages,
  spent: () => Promise<number>,
  budgetMs: number,
): Promise<Pick<Measured, 'stages' | 'thread'>> {
  const { fleet } = training;
  const { transport, movable, runtime } = fleet;
  // threads with nothing but workers
  const others = Math.max(1, fleet.threads - (movable === undefined ? 0 : 1));
  const alone = fleet.host !== undefined;
  const { receive, claim, commit, flush } = transport;
  const { write, read } = Boundary.prototype;
  const waited = () => Array.from({ length: transport.hosts }, (_, host) => transport.waited(host));
  const gradientBefore = await spent();
  try {
    Object.assign(Boundary.prototype, { write: stages.wrap('encode', write), read: stages.wrap('decode', read) });
    Object.assign(transport, {
      // on one thread the workers do their work when the server asks for it
      receive: stages.wrap(alone ? 'worker' : 'wait', receive),
      claim: stages.wrap('transport', claim),
      commit: stages.wrap('transport', commit),
      flush: stages.wrap('transport', flush),
    });
    stages.clear();
    const before = waited();
    const ownBefore = movable?.times.working ?? 0;
    let rounds = 0;
    for (const from = runtime.now(); rounds < MIN_ROUNDS || runtime.now() - from < budgetMs; rounds++) {
      stages.enter('aggregate');
      await training.round();
      stages.leave();
    }
    const itemised = stages.perRound(rounds);
    const wait = waited().reduce((sum, us, host) => sum + ((us - (before[host] as number)) >>> 0) / 1000, 0);
    Object.assign(Boundary.prototype, { write, read });
    const gradient = ((await spent()) - gradientBefore) / rounds;
    const { worker, wait: waits = 0 } = itemised;
    if (worker !== undefined) {
      return {
        stages: { ...itemised, worker: Math.max(0, worker - gradient), gradient },
        thread: { gradient, wait: 0 },
      };
    }
    // what the server's thread does for its own workers it does while it waits
    const workers = ((movable?.times.working ?? 0) - ownBefore) / rounds;
    return {
      stages: { ...itemised, wait: Math.max(0, waits - workers), workers },
      thread: { gradient: gradient / fleet.threads, wait: wait / rounds / others },
    };
  } finally {
    Object.assign(Boundary.prototype, { write, read });
    Object.assign(transport, { receive, claim, commit, flush });
  }
}

/** Exclusive times of nested stages. */
class Stages {
  readonly #names: string[] = [];
  #since = 0;
  #totals: Record<string, number> = {};

  constructor(private readonly runtime: Runtime) {}

  enter(name: string): void {
    this.#charge();
    this.#names.push(name);
  }

  leave(): void {
    this.#charge();
    this.#names.pop();
  }

  wrap<A extends unknown[], R>(name: string, work: (...args: A) => R): (...args: A) => R {
    const stages = this;
    return function (this: unknown, ...args: A): R {
      stages.enter(name);
      try {
        return work.apply(this, args);
      } finally {
        stages.leave();
      }
    };
  }

  clear(): void {
    this.#totals = {};
  }

  perRound(rounds: number): Record<string, number> {
    return Object.fromEntries(Object.entries(this.#totals).map(([name, ms]) => [name, ms / rounds]));
  }

  #charge(): void {
    const now = this.runtime.now();
    const name = this.#names.at(-1);
    if (name !== undefined) this.#totals[name] = (this.#totals[name] ?? 0) + now - this.#since;
    this.#since = now;
  }
}

/** The method with the server's half timed. */
function staged(method: Method, stages: Stages): Method {
  const { plan, step, sent } = method.server;
  const server = { ...method.server, plan: stages.wrap('step', plan), step: stages.wrap('step', step) };
  return { ...method, server: sent === undefined ? server : { ...server, sent: stages.wrap('step', sent) } };
}
