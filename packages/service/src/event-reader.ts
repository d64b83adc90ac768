import { Readable } from 'node:stream';
import { systemRuntime } from '@flotilla/core';
import type { Meters, Progress } from '@flotilla/server';
import type { RowPosition } from './rows.js';

/** What a reader may have waiting in the server; one more event may come on top, and what the sockets of both sides hold. */
const BUFFER_BYTES = 1 << 14;

/** Where a reader's events go: an answer to a request. */
export interface Sink {
  once(event: 'close', listener: () => void): unknown;
  destroy(): unknown;
}

/** One reader of a run's events, as the stream that it is sent. */
export class EventReader extends Readable {
  /** What it has been told. */
  readonly told: { changes: number; progress: Progress | undefined; meters: Meters | undefined } = {
    changes: -1,
    progress: undefined,
    meters: undefined,
  };
  /** It is being sent rows of its own, and so nothing else. */
  isBehind = false;
  #takes = true;
  #isEnded = false;
  #blockedSince = 0;
  #wake: (() => void) | undefined;

  /** @param position Behind the rows that it has. */
  constructor(public position: RowPosition) {
    super({ highWaterMark: BUFFER_BYTES });
  }

  /** Whether more may be sent. */
  get takes(): boolean {
    return this.#takes;
  }

  /** For how long it has taken nothing of what waits for it, or of what was its last. */
  blockedMs(): number {
    return this.#takes && !this.#isEnded ? 0 : systemRuntime.now() - this.#blockedSince;
  }

  send(event: Buffer): void {
    if (this.push(event) || !this.#takes) return;
    this.#takes = false;
    this.#blockedSince = systemRuntime.now();
  }

  /** There is nothing more. */
  end(): void {
    if (this.#isEnded || this.destroyed) return;
    this.push(null);
    this.#isEnded = true;
    this.#blockedSince = systemRuntime.now();
  }

  /** Whether it is to be sent nothing any more. */
  get isOver(): boolean {
    return this.#isEnded || this.destroyed;
  }

  /** Resolves when more may be sent, or when nobody is there any more. */
  async ready(): Promise<void> {
    if (this.#takes || this.isOver) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  override _read(): void {
    this.#takes = true;
    this.#wake?.();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#wake?.();
    done(error);
  }
}
