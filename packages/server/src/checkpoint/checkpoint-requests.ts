import { UsageError } from '@flotilla/core';
import type { TakenCheckpoint } from './checkpoints.js';

/** Whoever asks for a checkpoint of a run that goes on: they get the next one that is taken. */
export class CheckpointRequests {
  readonly #waiting: ((checkpoint: TakenCheckpoint) => void)[] = [];
  #send: (() => void) | undefined;
  #ended = false;

  /** @param isPossible Whether the run has a folder. */
  constructor(private readonly isPossible: boolean) {}

  /** The server thread listens from now on. @param send Asks it for one. */
  open(send: () => void): void {
    this.#send = send;
    for (const _ of this.#waiting) send();
  }

  /** The server thread has taken one. */
  answer(checkpoint: TakenCheckpoint): void {
    this.#waiting.shift()?.(checkpoint);
  }

  close(): void {
    this.#ended = true;
  }

  /** @param result The run's. @throws its reason, when it fails before, and UsageError when there will be none */
  async ask(result: Promise<unknown>): Promise<TakenCheckpoint> {
    if (!this.isPossible) throw new UsageError('there is no checkpoint of a run without a folder; give it one: out');
    const ended = result.then(() => {
      throw new UsageError('there is no checkpoint of a run that has ended');
    });
    if (this.#ended) return ended;
    const asked = new Promise<TakenCheckpoint>((resolve) => this.#waiting.push(resolve));
    this.#send?.();
    return Promise.race([asked, ended]);
  }
}
