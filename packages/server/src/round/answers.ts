import { FlotillaError, type FrameRefusal, type Runtime } from '@flotilla/core';
import { Deadline, errorFrom, SLICE_MS } from '@flotilla/core/internal';
import {
  checkDue,
  FIRST_EXCHANGE,
  FrameKind,
  HEADER_BYTES,
  type Header,
  NO_ROUND,
  ProtocolError,
  readHeader,
  type ServerEnd,
  unpackControl,
} from '@flotilla/protocol';
import type { Meter } from './meter.js';
import type { Stragglers } from './stragglers.js';

export interface AnswersOptions {
  readonly transport: ServerEnd;
  readonly runtime: Runtime;
  /** Lets the event loop run; throws when the run must end (aborted, a thread lost). */
  readonly yieldToEventLoop: () => Promise<void>;
  /** How long a worker may take for one answer, and what then. */
  readonly stragglers: Stragglers;
  /** Whether a worker is away, where some may be: then it is not waited for. */
  readonly isAway?: ((worker: number) => boolean) | undefined;
  /** The round that a worker takes part from, where some come later. */
  readonly since?: ((worker: number) => number) | undefined;
  /** Told how long each worker was waited for; nobody when left out. */
  readonly meter?: Meter | undefined;
}

/** A worker has gone, and its answer will not come. */
class AwayError extends FlotillaError {
  constructor(worker: number) {
    super('worker-lost', `worker ${worker} is away`, { worker });
  }
}

/** What is made of a frame. */
type Read<T> = (frame: Uint8Array, header: Readonly<Header>) => T;

/** In place of an answer: there is none yet. */
const NONE = Symbol('no answer yet');

/** Whether an answer comes: not where its worker goes away while it is awaited. */
export async function unlessAway(answer: unknown): Promise<boolean> {
  try {
    await answer;
    return true;
  } catch (thrown) {
    if (thrown instanceof AwayError) return false;
    throw thrown;
  }
}

/** Waits for what workers answer, and is the one place where their frames are taken, refused and released. */
export class Answers {
  readonly #header: Header = { kind: FrameKind.failure, form: 'none', coins: 0, extra: 0, round: 0 };
  /** Kind and round of the frame last accepted of each worker: two numbers a worker. */
  readonly #accepted: Float64Array;
  readonly #slice: number;

  /** @param refuse Counts a frame that is refused, where there is a ledger already. */
  constructor(
    private readonly options: AnswersOptions,
    private readonly refuse: (refusal: FrameRefusal) => void = () => {},
  ) {
    this.#slice = Math.min(SLICE_MS, options.stragglers.timeoutMs);
    this.#accepted = new Float64Array(2 * options.transport.workers);
  }

  /**
   * What `read` makes of the next frame of `worker`, which must be of `kind` and of `round`. Where the frame is there already,
   * nobody has to wait for it.
   * @param round Or the number of an exchange of states: frames that have another are counted and dropped then.
   * @throws, now or later, what {@link unlessAway} knows when the worker is away; FlotillaError `worker-lost` when there is none in
   * time, `protocol` with its `refusal` for a frame that is another or cannot be read, and what a failure frame says went wrong
   */
  take<T>(worker: number, kind: FrameKind, round: number, read: Read<T>): T | Promise<T> {
    const answer = this.#takeArrived(worker, kind, round, read);
    return answer === NONE ? this.#takeLater(worker, kind, round, read) : answer;
  }

  /** What is there already. */
  #takeArrived<T>(worker: number, kind: FrameKind, round: number, read: Read<T>): T | typeof NONE {
    for (;;) {
      let frame: Uint8Array | undefined;
      try {
        frame = this.#arrived(worker);
      } catch (error) {
        throw this.#refused(error, worker, round);
      }
      if (frame === undefined) return NONE;
      const answer = this.#accept(frame, worker, kind, round, read);
      if (answer !== NONE) return answer;
    }
  }

  async #takeLater<T>(worker: number, kind: FrameKind, round: number, read: Read<T>): Promise<T> {
    for (;;) {
      let frame: Uint8Array;
      try {
        frame = await this.#wait(worker, round);
      } catch (error) {
        throw this.#refused(error, worker, round);
      }
      let answer = this.#accept(frame, worker, kind, round, read);
      if (answer === NONE) answer = this.#takeArrived(worker, kind, round, read);
      if (answer !== NONE) return answer;
    }
  }

  /** Reads a frame, unless it is to be dropped, and releases it. */
  #accept<T>(frame: Uint8Array, worker: number, kind: FrameKind, round: number, read: Read<T>): T | typeof NONE {
    const { transport, since } = this.options;
    const header = this.#header;
    try {
      readHeader(frame, header);
      if (since !== undefined && header.round < since(worker)) return NONE;
      if (round > FIRST_EXCHANGE && header.round !== round && header.round !== NO_ROUND) {
        // somebody may have failed in a round in which no answer was due
        if (kind === FrameKind.state && header.kind === FrameKind.failure) throw failureIn(frame, worker);
        // left from a round that has failed
        this.refuse('stale');
        return NONE;
      }
      if (header.kind === FrameKind.failure) throw failureIn(frame, worker);
      checkDue(header, kind, round);
      const answer = read(frame, header);
      this.#accepted[2 * worker] = kind;
      this.#accepted[2 * worker + 1] = round;
      return answer;
    } catch (error) {
      throw this.#refused(error, worker, round);
    } finally {
      transport.release(worker);
    }
  }

  /** Counts a frame that was refused, here or by the worker, and says whose it was. */
  #refused(error: unknown, worker: number, round: number): unknown {
    if (!(error instanceof FlotillaError) || error.code !== 'protocol') return error;
    if (error.refusal !== undefined && error.worker !== undefined) {
      this.refuse(error.refusal);
      return error;
    }
    const { kind, round: got } = this.#header;
    const again =
      error.refusal === 'stale' || error.refusal === 'unexpected'
        ? this.#accepted[2 * worker] === kind && this.#accepted[2 * worker + 1] === got
        : false;
    const refusal = again ? 'duplicate' : (error.refusal ?? 'payload');
    this.refuse(refusal);
    const where = round > FIRST_EXCHANGE ? { worker } : { worker, round };
    const who = round > FIRST_EXCHANGE ? `worker ${worker}` : `worker ${worker}, round ${round}`;
    return new ProtocolError(`${who}: ${error.message}`, { ...where, refusal, cause: error.cause });
  }

  /** Most answers are there within a slice, and cost no look at the clock. */
  #poll(worker: number): Uint8Array | undefined {
    return this.options.transport.receive(worker, this.#slice);
  }

  /** The same; the meter hears of it where the answer was not there. */
  #arrived(worker: number): Uint8Array | undefined {
    const { transport, meter, runtime } = this.options;
    if (meter === undefined) return this.#poll(worker);
    const arrived = meter.isFirstAnswer ? undefined : transport.receive(worker, 0);
    if (arrived !== undefined) return arrived;
    const from = runtime.now();
    const polled = this.#poll(worker);
    meter.waited(worker, runtime.now() - from);
    return polled;
  }

  /** Goes on waiting where a slice has passed without an answer. */
  async #wait(worker: number, round: number): Promise<Uint8Array> {
    const { transport, stragglers } = this.options;
    const isState = round > FIRST_EXCHANGE;
    const due = isState ? 'give or take its state' : `answer round ${round}`;
    const { runtime, meter } = this.options;
    const from = runtime.now();
    const deadline = new Deadline(runtime, stragglers.timeoutMs, this.#slice);
    for (;;) {
      const piece = await this.#piece(worker, due, isState ? undefined : round, deadline);
      const frame = transport.receive(worker, piece);
      if (frame === undefined) continue;
      meter?.waited(worker, runtime.now() - from);
      stragglers.came(`worker ${worker}`, due, deadline, worker);
      return frame;
    }
  }

  /** Waits while there is a worker that more than `maxBytes` of frames wait for. @throws FlotillaError `worker-lost` */
  async caughtUp(maxBytes: number, round: number): Promise<void> {
    const { transport, stragglers, runtime } = this.options;
    let last = transport.lagging(maxBytes, 0);
    if (last === undefined) return;
    const due = `read what it was sent until round ${round}`;
    const deadline = new Deadline(runtime, stragglers.timeoutMs);
    let worker = last;
    while (last !== undefined) {
      worker = last;
      last = transport.lagging(maxBytes, await this.#piece(worker, due, round, deadline));
    }
    stragglers.came(`worker ${worker}`, due, deadline, worker);
  }

  /** Lets the event loop run, and says how long the next piece of a wait may last. */
  async #piece(worker: number, due: string, round: number | undefined, deadline: Deadline): Promise<number> {
    const { stragglers, yieldToEventLoop } = this.options;
    await yieldToEventLoop();
    if (this.options.isAway?.(worker) === true) throw new AwayError(worker);
    const piece = deadline.next();
    if (piece > 0) return piece;
    stragglers.overdue(`worker ${worker}`, due, deadline, { worker, round });
    return deadline.next();
  }
}

/** What a failure frame says. */
function failureIn(frame: Uint8Array, worker: number): FlotillaError {
  const reason = unpackControl(frame.slice(HEADER_BYTES));
  if (reason.type === 'failed') return errorFrom(reason);
  throw new ProtocolError(`worker ${worker} failed without a reason`);
}
