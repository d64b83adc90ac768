import type { CompressorEntry } from '@flotilla/compressors';
import {
  type Context,
  DivergedError,
  type KeyedRandom,
  type Method,
  type Oracle,
  type Outgoing,
  type Problem,
  type Registry,
  type State,
} from '@flotilla/core';
import {
  createContext,
  getU32,
  isFiniteVector,
  messageDimension,
  restoreState,
  viewState,
} from '@flotilla/core/internal';
import {
  type Boundary,
  checkDue,
  encodeState,
  FIRST_EXCHANGE,
  FrameKind,
  floatsIn,
  HEADER_BYTES,
  type Header,
  type HostEnd,
  type Job,
  openBoundaries,
  ProtocolError,
  putFloats,
  type StateSource,
  unpackState,
  writeHeader,
} from '@flotilla/protocol';
import type { CountedOracle } from './counted-oracle.js';

/** What the workers of a host share once the run's constants are known. */
export interface Shared {
  readonly method: Method;
  readonly context: Context;
  readonly downlink: Boundary;
  readonly uplink: Boundary;
  /** Whether a worker's rounds may have gaps. */
  readonly gaps: boolean;
}

/** γ and the method's parameters, as the server has settled them. */
export type Settled = Pick<Context, 'stepSize' | 'parameters'>;

export function share(
  job: Job,
  method: Method,
  problem: Problem,
  settled: Settled,
  compressors: Registry<CompressorEntry>,
  random: KeyedRandom,
  start: Float64Array | undefined,
): Shared {
  const length = messageDimension(method, settled.parameters, problem.dimension);
  return {
    method,
    context: createContext(job, problem, settled, random, start),
    ...openBoundaries(job, method, length, compressors, random),
    gaps: method.gaps?.(settled.parameters) === true,
  };
}

/**
 * One worker: its shard's function and its half of the method. {@link Worker.answer} is the one place where a frame to a
 * worker is read, answered, written and applied.
 */
export class Worker {
  #shared: Shared | undefined;
  /** Empty until the run has begun. */
  #state: object = {};
  /** The last round answered; −1 before any. */
  #round = -1;
  /** The last exchange of states answered. */
  #exchange = FIRST_EXCHANGE;

  constructor(
    /** i */
    readonly index: number,
    private readonly oracle: Oracle,
    private readonly local: CountedOracle,
    /** d */
    private readonly dimension: number,
    /** Numbers that the worker's metrics are. */
    private readonly metrics: number,
    private readonly end: HostEnd,
    /** Work space of the host for the point of an evaluation, where that must not be read where it lies. */
    private readonly point?: Float64Array | undefined,
  ) {}

  /** The state of the worker's half of the method. */
  get state(): object {
    return this.#state;
  }

  /** What its gradients came to, evaluations left out. */
  get spent(): { readonly seconds: number; readonly calls: number } {
    return this.local;
  }

  /** Lays out the state of round 0. */
  begin(shared: Shared): void {
    this.#shared = shared;
    this.local.uplink = shared.uplink;
    this.#state = shared.method.worker.init(this.#initially(shared.context), this.local);
  }

  /** The context in which the state is laid out: its vectors lie where the problem's kernels reach them, where there are such. */
  #initially(context: Context): Context {
    const { linearMap } = this.local;
    if (linearMap?.allocatePoint === undefined) return context;
    const own = linearMap.allocatePoint;
    return { ...context, zeros: (length) => (length === undefined ? own(context.precision) : context.zeros(length)) };
  }

  /**
   * Reads a frame, does what it asks for, and sends the answer, if there is one.
   * @param again Whether the host's worker before this one has just answered a frame in the same memory.
   * @throws FlotillaError when there is no answer because something is wrong: with the frame, or with what came of it
   */
  answer(frame: Uint8Array, header: Readonly<Header>, again = false): void {
    const { kind, round } = header;
    if (kind === FrameKind.snapshot || kind === FrameKind.restore) {
      checkDue(header, kind, undefined, this.#exchange);
      this.#exchange = round;
    }
    if (kind === FrameKind.evaluate) this.#evaluate(frame, header);
    else if (kind === FrameKind.snapshot) this.#snapshot(frame, round);
    else if (kind === FrameKind.restore) this.#restore(frame, round);
    else if (kind === FrameKind.start) this.#send(this.#start(frame, header), round);
    else this.#send(this.#takeRound(frame, header, again), round);
  }

  /** Sends an uplink, and applies what it carried where the state must agree with the server's. */
  #send(outgoing: Outgoing | undefined, round: number): void {
    if (outgoing === undefined) return;
    const { method, context, uplink } = this.#begun();
    const room = this.end.claim(this.index, uplink.maxFrameBytes(outgoing));
    const length = uplink.write(FrameKind.uplink, round, 0, this.index, outgoing, room);
    if (method.worker.sent !== undefined) {
      const carried = uplink.read(room.subarray(0, length), FrameKind.uplink, round, this.index);
      method.worker.sent(this.#state, context, carried);
    }
    this.end.commit(this.index, length);
  }

  /** The uplink before round 1. */
  #start(frame: Uint8Array, header: Readonly<Header>): Outgoing {
    const { method, context, downlink } = this.#begun();
    const { start } = method.worker;
    if (start === undefined) {
      throw new ProtocolError(`${method.name} has no message before round 1`, { refusal: 'unexpected' });
    }
    checkDue(header, FrameKind.start, undefined, this.#round);
    downlink.read(frame, FrameKind.start, 0, this.index, undefined, header);
    this.#round = 0;
    return start(this.#state, context, this.local);
  }

  /** A round's uplink, if it has one from this worker. */
  #takeRound(frame: Uint8Array, header: Readonly<Header>, again: boolean): Outgoing | undefined {
    const { method, context, downlink, gaps } = this.#begun();
    const last = Math.max(0, this.#round);
    const expected = gaps ? undefined : last + 1;
    const incoming = again
      ? downlink.readAgain(frame, FrameKind.downlink, expected, this.index, last, header)
      : downlink.read(frame, FrameKind.downlink, expected, this.index, last, header);
    this.#round = header.round;
    this.local.round = header.round;
    return method.worker.round(this.#state, context, incoming, this.local);
  }

  /** f_i(x), ∇f_i(x) and the worker's metrics, exact, in f64. Changes nothing of the worker. */
  #evaluate(frame: Uint8Array, header: Readonly<Header>): void {
    const { dimension, metrics, end } = this;
    const { round } = header;
    const last = Math.max(0, this.#round);
    // a worker that was left out of rounds has not seen them; before the constants are known there is no round
    const due = this.#shared?.gaps === true ? undefined : last;
    checkDue(header, FrameKind.evaluate, due, last - 1);
    const sent = pointIn(frame, dimension);
    this.point?.set(sent);
    const x = this.point ?? sent;
    const bytes = HEADER_BYTES + 8 * (1 + dimension + metrics);
    const room = end.claim(this.index, bytes);
    const evaluated = floatsIn(room);
    const value = this.oracle.gradient(x, evaluated.subarray(1, 1 + dimension));
    this.oracle.metrics?.(x, evaluated.subarray(1 + dimension));
    if (!Number.isFinite(value)) {
      throw new DivergedError(round, this.index, `the loss is ${value}`, this.#shared?.method.name);
    }
    evaluated[0] = value;
    if (evaluated.buffer !== room.buffer) putFloats(evaluated, room);
    writeHeader({ kind: FrameKind.evaluation, form: 'none', coins: header.coins, extra: 0, round }, room);
    end.commit(this.index, bytes);
  }

  /** Sends its state, which must be that after the round that the frame names, and have no number that is none: nobody could go on from it. */
  #snapshot(frame: Uint8Array, exchange: number): void {
    const bytes = frame.length - HEADER_BYTES;
    if (bytes !== 4) {
      const refusal = bytes > 4 ? 'oversized' : 'payload';
      throw new ProtocolError(`the round of a state in ${bytes} bytes, expected 4`, { refusal });
    }
    const due = getU32(frame, HEADER_BYTES);
    const last = Math.max(0, this.#round);
    if (due < last || (due > last && !this.#begun().gaps)) {
      const refusal = due < last ? 'stale' : 'early';
      throw new ProtocolError(`its state after round ${due} is asked for, and it has come to round ${last}`, {
        refusal,
      });
    }
    const state = this.#view();
    for (const [name, value] of Object.entries(state)) {
      if (typeof value === 'number' || value instanceof Int32Array || isFiniteVector(value)) continue;
      const what = `a coordinate of its state, ${name}, is not finite`;
      throw new DivergedError(last, this.index, what, this.#begun().method.name);
    }
    this.#reply(FrameKind.state, exchange, encodeState(state));
  }

  /** All that the worker knows between two rounds, itself. */
  #view(): State {
    this.#begun();
    const { seconds, calls } = this.local;
    const method = Object.entries(viewState(this.#state)).map(([name, value]) => [`${PREFIX}${name}`, value]);
    return { round: this.#round, seconds, calls, ...Object.fromEntries(method) };
  }

  /** Becomes the worker whose state the frame holds, whole or not at all. */
  #restore(frame: Uint8Array, round: number): void {
    this.#begun();
    const { round: last, seconds, calls, ...others } = unpackState(frame.subarray(HEADER_BYTES));
    if (!isCount(last, -1) || !isCount(seconds) || !isCount(calls) || !Number.isInteger(last)) {
      throw new ProtocolError('the state of a worker needs the numbers round, seconds and calls');
    }
    const method = Object.entries(others).map(([name, value]) => {
      if (!name.startsWith(PREFIX)) throw new ProtocolError(`the state of a worker has an entry ${name}`);
      return [name.slice(PREFIX.length), value];
    });
    restoreState(this.#state, Object.fromEntries(method));
    this.#round = last;
    this.local.resume(Math.max(0, last), seconds, calls);
    this.#reply(FrameKind.restored, round, NOTHING);
  }

  /** Answers with bytes that no method has made. They are written once, where they will be read. */
  #reply(kind: FrameKind, round: number, payload: StateSource): void {
    const bytes = HEADER_BYTES + payload.length;
    const room = this.end.claim(this.index, bytes);
    writeHeader({ kind, form: 'none', coins: 0, extra: 0, round }, room);
    payload.writeTo(room.subarray(HEADER_BYTES));
    this.end.commit(this.index, bytes);
  }

  #begun(): Shared {
    if (this.#shared === undefined)
      throw new ProtocolError('a round came before its constants', { refusal: 'unexpected' });
    return this.#shared;
  }
}

const NOTHING: StateSource = { length: 0, writeTo() {} };

/** Before the names of what a worker's half of the method knows. */
const PREFIX = 'method/';

function isCount(value: State[string] | undefined, least = 0): value is number {
  return typeof value === 'number' && value >= least && value < Number.POSITIVE_INFINITY;
}

/** The f64 vector that is a frame's payload, as long as the frame is there. @throws ProtocolError */
function pointIn(frame: Uint8Array, dimension: number): Float64Array {
  const bytes = frame.length - HEADER_BYTES;
  if (bytes !== 8 * dimension) {
    const refusal = bytes > 8 * dimension ? 'oversized' : 'payload';
    throw new ProtocolError(`an evaluation point of ${bytes} bytes, expected ${8 * dimension}`, { refusal });
  }
  return floatsIn(frame);
}
