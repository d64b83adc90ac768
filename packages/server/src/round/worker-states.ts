import type { Vector } from '@flotilla/core';
import { putU32 } from '@flotilla/core/internal';
import {
  FIRST_EXCHANGE,
  FrameKind,
  HEADER_BYTES,
  packState,
  type ServerEnd,
  type StateSource,
  unpackState,
  writeHeader,
} from '@flotilla/protocol';
import type { Answers } from './answers.js';
import { takeFinite } from './non-finite.js';

/** Bytes of states that may be on their way at once. Of states that are longer there is one, or a second that waits. */
const IN_FLIGHT_BYTES = 16 << 20;

/** What every worker knows between two rounds, in worker order: asked for, and given back. Counted nowhere. */
export class WorkerStates {
  #exchange = FIRST_EXCHANGE;

  constructor(
    private readonly transport: ServerEnd,
    private readonly answers: Answers,
    /** Whether a worker is away, where some may be. */
    private readonly isAway?: (worker: number) => boolean,
  ) {}

  /**
   * Hands each worker's state to `take`, packed, as it lies in its frame: until `take` returns. They are asked for a few at a
   * time, so that the states of all are never in memory beside the workers' own. A worker that is away has the state of one that is
   * there, with no work done: the method sends whoever comes in its place what it needs.
   * @param round The one that has ended: a worker that has not had it refuses.
   * @param take Whether it wants more.
   * @param whose Workers, all of them when left out
   * @param x The iterate after it, and `start` x⁰: they tell what a number that is none comes from.
   * @throws FlotillaError when a worker does not answer with its state, `diverged` when that has a NaN or an infinity
   */
  async each(
    round: number,
    { x, start }: { readonly x: Vector; readonly start: Vector },
    take: (state: Uint8Array) => boolean,
    whose: readonly number[] = Array.from({ length: this.transport.workers }, (_, worker) => worker),
  ): Promise<void> {
    const { isAway } = this;
    const substitute = isAway && whose.some(isAway) ? await this.#substitute(round, isAway) : undefined;
    const exchange = ++this.#exchange;
    let asked = 0;
    const ask = (end: number) => {
      for (; asked < Math.min(end, whose.length); asked++) {
        const worker = whose[asked] as number;
        if (isAway?.(worker) === true) continue;
        this.#ask(worker, exchange, round);
      }
      this.transport.flush();
    };
    let more = true;
    // what has been asked for is waited for, also when nobody wants it any more
    function* due() {
      for (let k = 0; k < whose.length && (more || k < asked); k++) yield k;
    }
    const collect = async (k: number) => {
      const worker = whose[k] as number;
      if (isAway?.(worker) === true) {
        more = more && take(substitute as Uint8Array);
        return;
      }
      ask(k + 1);
      const bytes = await this.answers.take(worker, FrameKind.state, exchange, (frame) => {
        more = more && take(frame.subarray(HEADER_BYTES));
        return frame.length;
      });
      if (more) ask(k + 2 + Math.floor(IN_FLIGHT_BYTES / bytes));
    };
    await takeFinite(due(), collect, x, start);
  }

  /** The state of a worker that is there, as one that has done nothing. */
  async #substitute(round: number, isAway: (worker: number) => boolean): Promise<Uint8Array> {
    const worker = Array.from({ length: this.transport.workers }, (_, k) => k).find((k) => !isAway(k)) ?? 0;
    const exchange = ++this.#exchange;
    this.#ask(worker, exchange, round);
    this.transport.flush();
    const state = await this.answers.take(worker, FrameKind.state, exchange, (frame) =>
      unpackState(frame.subarray(HEADER_BYTES)),
    );
    return packState({ ...state, seconds: 0, calls: 0 });
  }

  #ask(worker: number, exchange: number, round: number): void {
    const room = this.transport.claim(worker, HEADER_BYTES + 4);
    this.#write(room, FrameKind.snapshot, exchange);
    putU32(room, HEADER_BYTES, round);
    this.transport.commit(worker, HEADER_BYTES + 4);
  }

  /**
   * Makes every worker, or those that are named, the one whose state is given. What is still on its way from rounds that have failed is
   * dropped.
   * @throws FlotillaError `protocol` when one cannot take it; those before it have taken theirs then
   */
  async assign(states: readonly StateSource[], whose?: readonly number[]): Promise<void> {
    const { transport } = this;
    const exchange = ++this.#exchange;
    for (const [k, state] of states.entries()) {
      const worker = whose === undefined ? k : (whose[k] as number);
      if (this.isAway?.(worker) === true) continue;
      const bytes = HEADER_BYTES + state.length;
      const room = transport.claim(worker, bytes);
      this.#write(room, FrameKind.restore, exchange);
      state.writeTo(room.subarray(HEADER_BYTES));
      transport.commit(worker, bytes);
      transport.flush();
      await this.answers.take(worker, FrameKind.restored, exchange, () => undefined);
    }
  }

  #write(room: Uint8Array, kind: FrameKind, exchange: number): void {
    writeHeader({ kind, form: 'none', coins: 0, extra: 0, round: exchange }, room);
  }
}
