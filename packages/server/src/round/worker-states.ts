import type { State } from '@flotilla/core';
import {
  FIRST_EXCHANGE,
  FrameKind,
  HEADER_BYTES,
  packState,
  type ServerEnd,
  unpackState,
  writeHeader,
} from '@flotilla/protocol';
import type { Answers } from './answers.js';

/** What every worker knows between two rounds, in worker order: asked for, and given back. Counted nowhere. */
export class WorkerStates {
  #exchange = FIRST_EXCHANGE;

  constructor(
    private readonly transport: ServerEnd,
    private readonly answers: Answers,
  ) {}

  /** @throws FlotillaError when a worker does not answer with its state */
  async collect(): Promise<State[]> {
    const { transport } = this;
    const exchange = ++this.#exchange;
    this.#write(transport.claimBroadcast(HEADER_BYTES), FrameKind.snapshot, exchange);
    transport.commitBroadcast(HEADER_BYTES);
    transport.flush();
    const states: State[] = [];
    for (let worker = 0; worker < transport.workers; worker++) {
      const read = (frame: Uint8Array) => unpackState(frame.subarray(HEADER_BYTES));
      states.push(await this.answers.take(worker, FrameKind.state, exchange, read));
    }
    return states;
  }

  /**
   * Makes every worker the one whose state is given. What is still on its way from rounds that have failed is dropped.
   * @throws FlotillaError `protocol` when one cannot take it; those before it have taken theirs then
   */
  async assign(states: readonly State[]): Promise<void> {
    const { transport } = this;
    const exchange = ++this.#exchange;
    for (const [worker, state] of states.entries()) {
      const payload = packState(state);
      const bytes = HEADER_BYTES + payload.length;
      const room = transport.claim(worker, bytes);
      this.#write(room, FrameKind.restore, exchange);
      room.set(payload, HEADER_BYTES);
      transport.commit(worker, bytes);
      transport.flush();
      await this.answers.take(worker, FrameKind.restored, exchange, () => undefined);
    }
  }

  #write(room: Uint8Array, kind: FrameKind, exchange: number): void {
    writeHeader({ kind, form: 'none', coins: 0, extra: 0, round: exchange }, room);
  }
}
