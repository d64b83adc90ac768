import { type Rng, SubsetSampler } from '@flotilla/core';

/** The samples of a round: a uniform subset of one size, drawn once for all gradients of the round. */
export class RoundBatch {
  readonly #sampler: SubsetSampler;
  #round = -1;

  constructor(
    private readonly samples: number,
    private readonly size: number,
    /** The stream that a round's subset is drawn from. */
    private readonly stream: (round: number) => Rng,
  ) {
    this.#sampler = new SubsetSampler(size);
  }

  /** The sample numbers of a round. Valid until those of another are asked for. */
  of(round: number): Int32Array {
    if (round !== this.#round) {
      this.#sampler.draw(this.stream(round), this.samples, this.size);
      this.#round = round;
    }
    return this.#sampler.index;
  }
}
