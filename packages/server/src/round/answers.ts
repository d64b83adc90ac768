import { type ErrorCode, FlotillaError, type Runtime } from '@flotilla/core';
import { errorOf } from '@flotilla/core/internal';
import { FrameKind, HEADER_BYTES, type Header, readHeader, type ServerEnd, unpackControl } from '@flotilla/protocol';

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

/** Waits for what workers answer. */
export class Answers {
  readonly #header: Header = { kind: FrameKind.failure, form: 'none', coins: 0, extra: 0, round: 0 };

  readonly #slice: number;

  constructor(private readonly options: AnswersOptions) {
    this.#slice = Math.min(SLICE_MS, options.workerTimeoutMs);
  }

  /**
   * The next frame of `worker`, to be released by the caller.
   * @param exchange Whether `round` is the number of an exchange of states: frames that have another are dropped then.
   * @throws FlotillaError `worker-lost` when there is none in time, and what a failure frame says went wrong
   */
  async next(worker: number, round: number, exchange = false): Promise<Uint8Array> {
    const { transport } = this.options;
    let frame = this.#poll(worker) ?? (await this.#wait(worker, round, exchange));
    while (exchange && readHeader(frame, this.#header).round !== round) {
      transport.release(worker);
      frame = this.#poll(worker) ?? (await this.#wait(worker, round, exchange));
    }
    if (frame[0] !== FrameKind.failure) return frame;
    const reason = unpackControl(frame.slice(HEADER_BYTES));
    transport.release(worker);
    if (reason.type === 'failed') {
      throw errorOf({ code: reason.code as ErrorCode, message: reason.message, round, where: worker });
    }
    throw new FlotillaError('protocol', `worker ${worker} failed without a reason`);
  }

  /** Most answers are there within a slice, and cost no look at the clock. */
  #poll(worker: number): Uint8Array | undefined {
    return this.options.transport.receive(worker, this.#slice);
  }

  /** Goes on waiting where a slice has passed without an answer. */
  async #wait(worker: number, round: number, exchange: boolean): Promise<Uint8Array> {
    const { transport, runtime, yieldToEventLoop, workerTimeoutMs } = this.options;
    const until = runtime.now() - this.#slice + workerTimeoutMs;
    for (;;) {
      await yieldToEventLoop();
      const left = until - runtime.now();
      if (left <= 0) {
        const waited = Math.round(workerTimeoutMs / 1000);
        const due = exchange ? 'give or take its state' : `answer round ${round}`;
        throw new FlotillaError('worker-lost', `worker ${worker} did not ${due} within ${waited} s`);
      }
      const frame = transport.receive(worker, Math.min(SLICE_MS, left));
      if (frame !== undefined) return frame;
    }
  }
}
