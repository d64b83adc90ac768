import { DivergedError, type Vector } from '@flotilla/core';
import { isFiniteVector, squaredNorm } from '@flotilla/core/internal';
import {
  FrameKind,
  floatsIn,
  HEADER_BYTES,
  type Header,
  ProtocolError,
  putFloats,
  type ServerEnd,
  writeHeader,
} from '@flotilla/protocol';
import { type Answers, unlessAway } from './answers.js';
import { takeFinite } from './non-finite.js';

/** What an evaluation finds at a point, exact. */
export interface Evaluated {
  /** f(x) */
  readonly loss: number;
  /** ‖∇f(x)‖² */
  readonly gradNormSq: number;
  /** The problem's metrics of the training data by name; left out when it has none. */
  readonly metrics?: Readonly<Record<string, number>>;
}

/**
 * The `count` numbers that an evaluation frame holds, where they lie in it: to be read before the frame is released.
 * @param number Of the evaluation that it must answer, modulo 256.
 * @throws ProtocolError for a frame that answers another one, or is of another length
 */
export function readEvaluation(
  frame: Uint8Array,
  header: Readonly<Header>,
  number: number,
  count: number,
): Float64Array {
  if (header.coins !== number) {
    const what = `the answer to evaluation ${header.coins} of a round where that to ${number} is due`;
    throw new ProtocolError(what, { refusal: 'stale' });
  }
  const length = frame.length - HEADER_BYTES;
  if (length !== 8 * count) {
    const refusal = length > 8 * count ? 'oversized' : 'payload';
    throw new ProtocolError(`an evaluation of ${length} bytes, expected ${8 * count}`, { refusal });
  }
  return floatsIn(frame);
}

/** f, ∇f and metrics, exact, in f64 at x as it is, by a pass over the workers that is counted nowhere. */
export class Evaluation {
  /** Of the last evaluation, modulo 256. */
  #number = 0;

  /**
   * @param gradient d values of work space, written by every pass.
   * @param metrics Names of the problem's metrics.
   * @param method Its name, for errors.
   * @param start x⁰
   */
  constructor(
    private readonly transport: ServerEnd,
    private readonly answers: Answers,
    private readonly gradient: Float64Array,
    private readonly metrics: readonly string[],
    private readonly method: string,
    private readonly start: Vector,
    /** Whether a worker is away: then it is left out of all means. */
    private readonly isAway: (worker: number) => boolean = () => false,
  ) {}

  /** @throws DivergedError when f or ∇f is not finite, of one worker or of all together */
  async at(x: Vector, round: number): Promise<Evaluated> {
    const { metrics, method } = this;
    const { workers } = this.transport;
    const number = (this.#number + 1) & 0xff;
    this.#number = number;
    this.#ask(x, round, number);
    let loss = 0;
    const gradient = this.gradient.fill(0);
    const means = new Float64Array(metrics.length);
    const d = gradient.length;
    const asked = Array.from({ length: workers }, (_, worker) => worker).filter((worker) => !this.isAway(worker));
    let taken = 0;
    const takeOne = (worker: number) =>
      this.answers.take(worker, FrameKind.evaluation, round, (frame, header) => {
        const received = readEvaluation(frame, header, number, 1 + d + metrics.length);
        if (!isFiniteVector(received.subarray(0, 1 + d))) {
          const what = Number.isFinite(received[0]) ? 'a coordinate of ∇f_i is not finite' : `f_i = ${received[0]}`;
          throw new DivergedError(round, worker, what, method);
        }
        loss += (received[0] as number) / workers;
        for (let j = 0; j < d; j++) {
          gradient[j] = (gradient[j] as number) + (received[j + 1] as number) / workers;
        }
        for (let k = 0; k < means.length; k++) {
          means[k] = (means[k] as number) + (received[1 + d + k] as number) / workers;
        }
        taken++;
      });
    await takeFinite(asked, (worker) => unlessAway(takeOne(worker)), x, this.start);
    if (taken < workers) {
      loss *= workers / taken;
      for (const values of [gradient, means])
        for (let j = 0; j < values.length; j++) values[j] = (values[j] as number) * (workers / taken);
    }
    const gradNormSq = squaredNorm(gradient);
    if (!Number.isFinite(loss + gradNormSq)) {
      throw new DivergedError(round, 'server', `f = ${loss}, ‖∇f‖² = ${gradNormSq}`, method);
    }
    if (metrics.length === 0) return { loss, gradNormSq };
    return { loss, gradNormSq, metrics: Object.fromEntries(metrics.map((name, k) => [name, means[k] as number])) };
  }

  #ask(x: Vector, round: number, number: number): void {
    const { transport } = this;
    const bytes = HEADER_BYTES + 8 * x.length;
    const room = transport.claimBroadcast(bytes);
    writeHeader({ kind: FrameKind.evaluate, form: 'none', coins: number, extra: 0, round }, room);
    putFloats(x, room);
    transport.commitBroadcast(bytes);
    transport.flush();
  }
}
