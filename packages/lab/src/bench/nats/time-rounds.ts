import type { Runtime } from '@flotilla/core';

/** Bytes that are on their way to a program that does nothing else with them. */
export class Arrival {
  #due = 0;
  #complete = () => {};

  /** Resolves when so many have arrived. */
  of(bytes: number): Promise<void> {
    this.#due = bytes;
    return new Promise((resolve) => {
      this.#complete = resolve;
    });
  }

  took(bytes: number): void {
    this.#due -= bytes;
    if (this.#due === 0) this.#complete();
  }
}

/** Milliseconds of each round: from sending what `send` sends until `bytes` have arrived. */
export async function timeRounds(
  rounds: number,
  bytes: number,
  arrival: Arrival,
  send: () => void,
  runtime: Runtime,
): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const from = runtime.now();
    const answered = arrival.of(bytes);
    send();
    await answered;
    times.push(runtime.now() - from);
  }
  return times;
}
