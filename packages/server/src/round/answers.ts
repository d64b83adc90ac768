import { FlotillaError, type FrameRefusal, type Runtime } from '@flotilla/core';
import { errorFrom } from '@flotilla/core/internal';
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

/** How long a blocking wait for a worker lasts before the event loop runs. */
const SLICE_MS = 50;

export interface AnswersOptions {
  readonly transport: ServerEnd;
  readonly runtime: Runtime;
  /** Lets the event loop run; throws when the run must end (aborted, a thread lost). */
  readonly yieldToEventLoop: () => Promise<void>;
  /** Milliseconds a worker may take for one answer. */
  readonly workerTimeoutMs: number;
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
    this.#slice = Math.min(SLICE_MS, options.workerTimeoutMs);
    this.#accepted = new Float64Array(2 * options.transport.workers);
  }

  /**
   * What `read` makes of the next frame of `worker`, which must be of `kind` and of `round`.
   * @param round Or the number of an exchange of states: frames that have another are counted and dropped then.
   * @throws FlotillaError `worker-lost` when there is none in time, `protocol` with its `refusal` for a frame that is another or
   *   cannot be read, and what a failure frame says went wrong
   */
  async take<T>(
    worker: number,
    kind: FrameKind,
    round: number,
    read: (frame: Uint8Array, header: Readonly<Header>) => T,
  ): Promise<T> {
    const { transport } = this.options;
    const header = this.#header;
    for (;;) {
      let frame: Uint8Array | undefined;
      try {
        frame = this.#poll(worker) ?? (await this.#wait(worker, round));
        readHeader(frame, header);
        if (round > FIRST_EXCHANGE && header.round !== round && header.round !== NO_ROUND) {
          // left from a round that has failed
          this.refuse('stale');
          continue;
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
        // a frame whose checksum is wrong has never been handed over
        if (frame !== undefined) transport.release(worker);
      }
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

  /** Goes on waiting where a slice has passed without an answer. */
  async #wait(worker: number, round: number): Promise<Uint8Array> {
    const { transport, runtime, yieldToEventLoop, workerTimeoutMs } = this.options;
    const until = runtime.now() - this.#slice + workerTimeoutMs;
    for (;;) {
      await yieldToEventLoop();
      const left = until - runtime.now();
      if (left <= 0) {
        const waited = Math.round(workerTimeoutMs / 1000);
        const due = round > FIRST_EXCHANGE ? 'give or take its state' : `answer round ${round}`;
        throw new FlotillaError('worker-lost', `worker ${worker} did not ${due} within ${waited} s`);
      }
      const frame = transport.receive(worker, Math.min(SLICE_MS, left));
      if (frame !== undefined) return frame;
    }
  }
}

/** What a failure frame says. */
function failureIn(frame: Uint8Array, worker: number): FlotillaError {
  const reason = unpackControl(frame.slice(HEADER_BYTES));
  if (reason.type === 'failed') return errorFrom(reason);
  throw new ProtocolError(`worker ${worker} failed without a reason`);
}
