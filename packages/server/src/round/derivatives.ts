import type { Derivatives } from '@flotilla/core/internal';
import { differenceStep } from '@flotilla/core/internal';
import { FrameKind, HEADER_BYTES, type ServerEnd, writeHeader } from '@flotilla/protocol';
import type { Answers } from './answers.js';
import { readEvaluation } from './evaluation.js';

/**
 * The derivatives of all f_i, by evaluations at the workers: counted nowhere. Products of Hessians with vectors are symmetric
 * differences of gradients, both asked of a worker at once.
 */
export class WorkerDerivatives implements Derivatives {
  readonly workers: number;
  readonly #all: readonly number[];
  /** x ± hv */
  readonly #point: Float64Array;
  readonly #product: Float64Array;
  /** f_i, ∇f_i and the worker's metrics, as a worker sends them. */
  readonly #received: Float64Array;
  /** By worker the number of the last evaluation that was asked for, and of the last that was answered, modulo 256. */
  readonly #asked: Uint8Array;
  readonly #answered: Uint8Array;

  /**
   * @param metrics How many metrics the problem has.
   * @param rest Lets the event loop run where it is time.
   */
  constructor(
    private readonly transport: ServerEnd,
    private readonly answers: Answers,
    readonly dimension: number,
    metrics: number,
    private readonly rest: () => Promise<void>,
  ) {
    this.workers = transport.workers;
    this.#all = Array.from({ length: this.workers }, (_, i) => i);
    this.#point = new Float64Array(dimension);
    this.#product = new Float64Array(dimension);
    this.#received = new Float64Array(1 + dimension + metrics);
    this.#asked = new Uint8Array(this.workers);
    this.#answered = new Uint8Array(this.workers);
  }

  async gradient(x: Float64Array, out: Float64Array): Promise<number> {
    for (const worker of this.#all) this.#ask(worker, x);
    this.transport.flush();
    out.fill(0);
    let value = 0;
    for (const worker of this.#all) {
      const received = await this.#answer(worker);
      value += (received[0] as number) / this.workers;
      for (let j = 0; j < out.length; j++) out[j] = (out[j] as number) + (received[j + 1] as number) / this.workers;
    }
    await this.rest();
    return value;
  }

  async products(
    x: Float64Array,
    workers: readonly number[],
    v: (worker: number) => Float64Array,
    take: (worker: number, product: Float64Array) => void,
  ): Promise<void> {
    const h = differenceStep(x);
    // v need not have length 1
    const steps = workers.map((worker) => {
      const length = Math.sqrt(v(worker).reduce((sum, value) => sum + value * value, 0));
      return length > 0 ? h / length : 0;
    });
    for (const [k, worker] of workers.entries()) {
      this.#ask(worker, this.#moved(x, steps[k] as number, v(worker)));
      this.#ask(worker, this.#moved(x, -(steps[k] as number), v(worker)));
    }
    this.transport.flush();
    const product = this.#product;
    for (const [k, worker] of workers.entries()) {
      const twice = 2 * (steps[k] as number);
      product.set((await this.#answer(worker)).subarray(1, 1 + product.length));
      const minus = await this.#answer(worker);
      for (let j = 0; j < product.length; j++) {
        product[j] = twice === 0 ? 0 : ((product[j] as number) - (minus[j + 1] as number)) / twice;
      }
      take(worker, product);
    }
    await this.rest();
  }

  #moved(x: Float64Array, step: number, v: Float64Array): Float64Array {
    const point = this.#point;
    for (let j = 0; j < point.length; j++) point[j] = (x[j] as number) + step * (v[j] as number);
    return point;
  }

  #ask(worker: number, x: Float64Array): void {
    const bytes = HEADER_BYTES + x.byteLength;
    const room = this.transport.claim(worker, bytes);
    const coins = next(this.#asked, worker);
    writeHeader({ kind: FrameKind.evaluate, form: 'none', coins, extra: 0, round: 0 }, room);
    room.set(new Uint8Array(x.buffer, x.byteOffset, x.byteLength), HEADER_BYTES);
    this.transport.commit(worker, bytes);
  }

  async #answer(worker: number): Promise<Float64Array> {
    const number = next(this.#answered, worker);
    const received = this.#received;
    await this.answers.take(worker, FrameKind.evaluation, 0, (frame, header) =>
      received.set(readEvaluation(frame, header, number, received.length)),
    );
    return received;
  }
}

/** The next number of a worker, which it has from now on. */
function next(numbers: Uint8Array, worker: number): number {
  numbers[worker] = (numbers[worker] as number) + 1;
  return numbers[worker] as number;
}
