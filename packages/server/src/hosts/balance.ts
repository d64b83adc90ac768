import type { MovableServerEnd } from '@flotilla/protocol';

/** Rounds in which code is compiled, at first, and caches fill, after each move; or milliseconds of either. */
const LEAST_WARM_ROUNDS = 3;
const FIRST_ROUNDS = 5000;
const WARM_ROUNDS = 300;
const WARM_MS = 300;
/**
 * What is measured then: blocks of at least so many rounds and milliseconds, or of as many milliseconds as are enough, and one each so
 * many: what else a machine does for a moment is not in all of them.
 */
const BLOCKS = 7;
const BLOCK_ROUNDS = 10;
const BLOCK_MS = 5;
const LONG_BLOCK_MS = 40;
/** The least share of a round's time that is worth a move. */
const LEAST_GAIN = 0.04;
/** The share of a round that the server waits, from which on a round takes what the others take. */
const WAITS = 0.02;
/** Rounds after which a move has to have paid for itself; one to fewer threads, milliseconds of rounds. */
const PAID_AFTER = 200;
const FEWER_PAID_AFTER_MS = 2000;
/**
 * Counts that are tried at most, beside those on fewer threads, and in how many turns, with those before in the middle: a machine may
 * become slower meanwhile.
 */
const TRIALS = 3;
const TURNS = 3;
/**
 * The server's share becomes at most so many times larger or smaller at once, unless it becomes all: a moment's load makes
 * strange shares look good.
 */
const STEP = 1.5;

/** What a round takes with the workers where they are, in milliseconds. */
interface Measured {
  readonly round: number;
  /** What the server's thread does for its own workers. */
  readonly working: number;
  /** What it waits for others. */
  readonly waiting: number;
  /** What the others wait for it, on average. */
  readonly idle: number;
}

/** Workers by thread, the server's first: in contiguous blocks, or in turns where they were so from the start. */
type Counts = readonly number[];

interface Tried {
  readonly counts: Counts;
  /** The fastest that was measured. */
  best: Measured | undefined;
}

/**
 * Decides which of the threads there are host how many workers, by measuring the first rounds of a run. The server's thread has
 * work of its own, so that its share is smaller; and rounds that are shorter than a few wake-ups are fastest on one thread.
 *
 * With k workers of c ms each on the server's thread, which takes s ms beside them, and at most m of c′ on another, a round
 * takes max(s + kc, l + mc′), where l is what passes before the other thread has begun and after it is through. All of these
 * follow from what was measured. The counts that make it shortest are tried, and kept if they are faster.
 *
 * What a round takes because of the number of threads, as waking each of them, cannot be told from what it takes anyway. So where
 * work is a small part of a round half the threads are tried first, as long as that is faster, and then one.
 */
export class Balance {
  readonly #workers: number;
  readonly #threads: number;
  readonly #inTurns: boolean;
  #counts: Counts;
  /** What is compared, in turns: after, before, after. */
  #trial: { readonly before: Tried; readonly after: Tried; readonly isFewer: boolean; turns: number } | undefined;
  #trials = 0;
  /** Numbers of threads that have been found to be slower than more. */
  readonly #slower = new Set<number>();
  #isSettled: boolean;
  /** Rounds, and milliseconds of them, with these counts until the block that is measured; and how many rounds there are to be. */
  #warmed = { rounds: 0, ms: 0, until: FIRST_ROUNDS };
  /** Milliseconds until the next block. */
  #gap = 0;
  #blocks: Measured[] = [];
  /** Sums over the rounds of the block. */
  #block = { rounds: 0, round: 0, working: 0, waiting: 0, idle: 0 };
  /** What the sums of all were when the round began. */
  #at = { seconds: 0, working: 0, waiting: 0 };
  /** By thread, in microseconds modulo 2³². */
  readonly #waited: number[] = [];

  /** @param buildMs What it takes to build a worker. */
  constructor(
    private readonly server: MovableServerEnd,
    private readonly buildMs: number,
  ) {
    this.#workers = server.workers;
    this.#threads = server.hosts;
    this.#counts = countsOf(server);
    this.#inTurns = Array.from({ length: this.#workers - 1 }, (_, k) => k).some(
      (k) => server.hostOf(k) > server.hostOf(k + 1),
    );
    this.#isSettled = this.#threads === 1;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** A round begins. @param seconds Of all rounds so far */
  beforeRound(seconds: number): void {
    this.#at = { seconds, ...this.server.times };
    for (let thread = 1; thread < this.#threads; thread++) this.#waited[thread] = this.server.waited(thread);
  }

  /** Milliseconds that other threads with workers have waited since the round began, on average. */
  #idle(): number {
    let us = 0;
    let threads = 0;
    for (let thread = 1; thread < this.#threads; thread++) {
      if (this.#counts[thread] === 0) continue;
      us += (this.server.waited(thread) - (this.#waited[thread] as number)) >>> 0;
      threads++;
    }
    return threads === 0 ? 0 : us / threads / 1000;
  }

  /**
   * It has ended.
   * @returns the thread that is to host each worker, where some are to move
   */
  afterRound(seconds: number): readonly number[] | undefined {
    const { times } = this.server;
    const ms = 1000 * (seconds - this.#at.seconds);
    const warmed = this.#warmed;
    if (warmed.rounds < LEAST_WARM_ROUNDS || (warmed.rounds < warmed.until && warmed.ms < WARM_MS)) {
      warmed.rounds++;
      warmed.ms += ms;
      return undefined;
    }
    if (this.#gap > 0) {
      this.#gap -= ms;
      return undefined;
    }
    const block = this.#block;
    block.rounds++;
    block.round += ms;
    block.working += times.working - this.#at.working;
    block.waiting += times.waiting - this.#at.waiting;
    block.idle += this.#idle();
    const { rounds, round, working, waiting, idle } = block;
    if (round < (rounds < BLOCK_ROUNDS ? LONG_BLOCK_MS : BLOCK_MS)) return undefined;
    this.#block = { rounds: 0, round: 0, working: 0, waiting: 0, idle: 0 };
    this.#gap = LONG_BLOCK_MS - round;
    this.#blocks.push({
      round: round / rounds,
      working: working / rounds,
      waiting: waiting / rounds,
      idle: idle / rounds,
    });
    if (this.#blocks.length < BLOCKS) return undefined;
    return this.#decide(this.#blocks.reduce((best, block) => (block.round < best.round ? block : best)));
  }

  #decide(measured: Measured): readonly number[] | undefined {
    const trial = this.#trial;
    if (trial === undefined) return this.#propose(measured);
    const { before, after, turns } = trial;
    const [own, other] = turns % 2 === 0 ? [after, before] : [before, after];
    if (own.best === undefined || measured.round < own.best.round) own.best = measured;
    trial.turns++;
    if (trial.turns < TURNS) return this.#move(other.counts);
    this.#trial = undefined;
    const isFaster = (after.best as Measured).round < (before.best as Measured).round;
    if (isFaster) return this.#propose(after.best as Measured);
    this.#counts = before.counts;
    if (trial.isFewer) this.#slower.add(hosting(after.counts));
    const next = trial.isFewer ? this.#propose(before.best as Measured) : this.#between(before, after);
    this.#isSettled = next === undefined;
    return next ?? this.#move(before.counts);
  }

  /** Counts that were found to be slower have shown what others wait that cannot be had: what promises to be faster by that. */
  #between({ best: now }: Tried, { best: measured, counts }: Tried): readonly number[] | undefined {
    if (this.#trials >= TRIALS) return undefined;
    const next = this.#best(measured as Measured, counts, (now as Measured).round);
    return next && this.#try(next, false);
  }

  /** Tries what promises to be faster, if anything does. */
  #propose(measured: Measured): readonly number[] | undefined {
    const fewer = this.#fewer(measured);
    const counts = fewer ?? (this.#trials < TRIALS ? this.#best(measured, this.#counts) : undefined);
    if (counts !== undefined) return this.#try(counts, fewer !== undefined);
    this.#isSettled = true;
    return undefined;
  }

  #try(counts: Counts, isFewer: boolean): readonly number[] {
    if (!isFewer) this.#trials++;
    const before = { counts: this.#counts, best: undefined };
    this.#trial = { before, after: { counts, best: undefined }, isFewer, turns: 0 };
    return this.#move(counts);
  }

  #move(counts: Counts): readonly number[] {
    this.#counts = counts;
    this.#warmed = { rounds: 0, ms: 0, until: WARM_ROUNDS };
    this.#blocks = [];
    this.#gap = 0;
    return hostsOf(counts, this.#inTurns);
  }

  /** Workers on half the threads, or on one, where that may be faster and is worth a move. */
  #fewer({ round, working }: Measured): Counts | undefined {
    const own = this.#counts[0] as number;
    const now = hosting(this.#counts);
    // of two threads it can be told what one would take
    if (now <= 2 || own === 0) return undefined;
    const each = working / own;
    const beside = round - each * Math.max(...this.#counts);
    for (const threads of [Math.ceil(now / 2), 1]) {
      if (this.#slower.has(threads)) continue;
      const k = Math.floor(this.#workers / threads);
      const counts = [k, ...shares(this.#workers - k, threads - 1), ...Array<number>(this.#threads - threads).fill(0)];
      // what is beside the work becomes half as long at best
      const ms = each * Math.max(...counts) + beside / 2;
      const found = this.#worthwhile(counts, ms, round, Math.max(PAID_AFTER, FEWER_PAID_AFTER_MS / round));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The counts that are expected to be fastest by what was measured with some, if they are worth a move from rounds of `now` ms. */
  #best({ round, working, waiting, idle }: Measured, measured: Counts, now = round): Counts | undefined {
    const workers = this.#workers;
    const own = measured[0] as number;
    const largest = Math.max(...measured.slice(1));
    // on one thread already, which has been found to be faster
    if (own === workers || own === 0) return undefined;
    const server = round - working - waiting;
    const here = working / own;
    const busy = Math.max(0, round - idle);
    const there = busy / largest;
    // where nobody waits for the others they are through before the server is: what would be left of that has to be tried
    const around = waiting > WAITS * round ? round - busy : 0;
    let best: { readonly counts: Counts; readonly ms: number } | undefined;
    for (let threads = this.#slower.has(1) ? 2 : 1; threads <= this.#threads; threads++) {
      const least = threads === 1 ? workers : Math.max(1, Math.floor(own / STEP));
      const most = threads === 1 ? workers : Math.min(workers - threads + 1, Math.ceil(own * STEP));
      for (let k = least; k <= most; k++) {
        const others = shares(workers - k, threads - 1);
        const ms = Math.max(server + k * here, k === workers ? 0 : around + (others[0] as number) * there);
        if (best !== undefined && ms >= best.ms) continue;
        best = { counts: [k, ...others, ...Array<number>(this.#threads - threads).fill(0)], ms };
      }
    }
    return best && this.#worthwhile(best.counts, best.ms, now, PAID_AFTER);
  }

  /** The counts, if they gain enough within so many rounds, of `ms` milliseconds then and of `round` now. */
  #worthwhile(counts: Counts, ms: number, round: number, rounds: number): Counts | undefined {
    if (ms > (1 - LEAST_GAIN) * round) return undefined;
    const now = hostsOf(this.#counts, this.#inTurns);
    const moving = hostsOf(counts, this.#inTurns).filter((host, worker) => host !== now[worker]).length;
    return moving === 0 || moving * this.buildMs > rounds * (round - ms) ? undefined : counts;
  }
}

/** Threads that have workers. */
function hosting(counts: Counts): number {
  return counts.filter((count) => count > 0).length;
}

/** `workers` over `threads`, as evenly as can be, the larger shares first. */
function shares(workers: number, threads: number): number[] {
  return Array.from({ length: threads }, (_, thread) => Math.floor((workers + threads - 1 - thread) / threads));
}

/** In turns, each worker goes to the thread that is furthest behind its share. */
function hostsOf(counts: Counts, inTurns: boolean): number[] {
  if (!inTurns) return counts.flatMap((count, thread) => Array<number>(count).fill(thread));
  const workers = counts.reduce((sum, count) => sum + count, 0);
  const had = counts.map(() => 0);
  return Array.from({ length: workers }, (_, worker) => {
    const behind = counts.map((count, thread) => count * (worker + 1) - workers * (had[thread] as number));
    const thread = behind.indexOf(Math.max(...behind));
    had[thread] = (had[thread] as number) + 1;
    return thread;
  });
}

function countsOf(server: MovableServerEnd): Counts {
  const counts = Array<number>(server.hosts).fill(0);
  for (let worker = 0; worker < server.workers; worker++) {
    const host = server.hostOf(worker);
    counts[host] = (counts[host] as number) + 1;
  }
  return counts;
}
