import type { Vector } from '../vector.js';

/**
 * A point that several workers of a thread hold in one piece of memory, because all of them move it alike: each moves it in every
 * round, and the first one's move is everybody's. In a state it is what its coordinates are.
 */
export class CommonPoint {
  /** The last round that has moved it. */
  #round: number | undefined;

  /** @param x Becomes its own. To be read: moved by {@link CommonPoint.move} alone. */
  constructor(readonly x: Vector) {}

  /** Has `work` move it, unless it has been moved in this round. */
  move(round: number, work: (x: Vector) => void): void {
    if (round === this.#round) return;
    this.#round = round;
    work(this.x);
  }

  /** Its coordinates have been written anew: they are those of no round. */
  renew(): void {
    this.#round = undefined;
  }
}
