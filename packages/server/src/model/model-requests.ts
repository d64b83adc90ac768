import { type FlatModel, type Model, modelOf } from './model.js';

/** Whoever asks for the model of a run that goes on, and what they get: the next whole round's, or the last one's. */
export class ModelRequests {
  readonly #waiting: ((model: Model) => void)[] = [];
  #send: (() => void) | undefined;
  #ended = false;
  #last: FlatModel | undefined;

  /** The server thread listens from now on. @param send Asks it for one model. */
  open(send: () => void): void {
    this.#send = send;
    for (const _ of this.#waiting) send();
  }

  /** The server thread has sent one. */
  answer(model: FlatModel): void {
    this.#waiting.shift()?.(modelOf(model));
  }

  /** The run has ended. @param last After its last whole round; undefined when it has not come to x⁰. */
  close(last: FlatModel | undefined): void {
    this.#send = undefined;
    this.#ended = true;
    this.#last = last;
  }

  /** @param result The run's; a run that has ended without a model throws its reason. */
  async ask(result: Promise<unknown>): Promise<Model> {
    const final = result.then(
      () => this.#final(undefined),
      (reason: unknown) => this.#final(reason),
    );
    if (this.#ended) return final;
    const asked = new Promise<Model>((resolve) => this.#waiting.push(resolve));
    this.#send?.();
    return Promise.race([asked, final]);
  }

  #final(reason: unknown): Model {
    if (this.#last === undefined) throw reason;
    return modelOf({ ...this.#last, x: this.#last.x.slice() });
  }
}
