import { createHash } from 'node:crypto';
import type { CompressorEntry } from '@flotilla/compressors';
import {
  type Constants,
  type Context,
  createContext,
  DivergedError,
  type ErrorCode,
  FlotillaError,
  KeyedRandom,
  type Method,
  messageDimension,
  type Outgoing,
  type Plan,
  type Problem,
  type Registry,
  type ServerState,
  squaredNorm,
} from '@flotilla/core';
import {
  Boundary,
  FrameKind,
  HEADER_BYTES,
  type Header,
  type Job,
  Ledger,
  type LinkModel,
  ProtocolError,
  readHeader,
  type ServerEnd,
  unpackControl,
  writeHeader,
} from '@flotilla/protocol';
import type { Metrics } from '../run/metrics.js';
import { type Coins, createToss } from './coins.js';

/** How long a blocking wait for a worker lasts before the event loop gets a turn. */
const SLICE_MS = 50;

export interface ParameterServerOptions {
  readonly job: Job;
  readonly method: Method;
  readonly problem: Pick<Problem, 'dimension' | 'start'>;
  /** The compressors that the job may name. */
  readonly compressors: Registry<CompressorEntry>;
  readonly constants: Constants;
  readonly coins: Coins;
  readonly transport: ServerEnd;
  /** Clocks of modelled links, beside the round clock. */
  readonly model?: LinkModel | undefined;
  /** Gives the event loop a turn; throws when the run must end (aborted, a thread lost). */
  readonly turn: () => Promise<void>;
  /** Milliseconds a worker may take for one answer. */
  readonly workerTimeoutMs: number;
}

/**
 * The server of a star of workers. A round, in order: plan (the method moves x and tosses its coins), downlink (one
 * frame for all, or one for each worker), uplink (folded in worker order, whatever order it arrives in), step.
 */
export class ParameterServer {
  readonly ledger: Ledger;
  round = 0;
  /** Seconds of rounds so far, evaluation left out. */
  seconds = 0;
  readonly #context: Context;
  readonly #state: ServerState;
  readonly #downlink: Boundary;
  readonly #uplink: Boundary;
  readonly #mean: Float64Array;
  /** ∇f of an evaluation. */
  readonly #gradient: Float64Array;
  readonly #evaluated: Float64Array;
  readonly #coin: (p: number, index: number) => boolean;
  readonly #header: Header = { kind: FrameKind.start, form: 'none', coins: 0, extra: 0, round: 0 };

  constructor(private readonly options: ParameterServerOptions) {
    const { job, problem, method, compressors } = options;
    const { dimension } = problem;
    const random = new KeyedRandom(job.seed);
    const length = messageDimension(method, options.constants, dimension);
    const link = { dimension: length, workers: job.workers, wire: job.wire, dense: job.dense, compressors, random };
    this.ledger = new Ledger(job.workers);
    const toAll = method.downlinkTo === 'all';
    this.#downlink = new Boundary({ ...link, direction: 'downlink', compressor: job.downlink, toAll });
    this.#uplink = new Boundary({ ...link, direction: 'uplink', compressor: job.uplink });
    this.#context = createContext(job, problem, options.constants, random);
    this.#state = method.server.init(this.#context);
    this.#mean = new Float64Array(length);
    this.#gradient = length === dimension ? this.#mean : new Float64Array(dimension);
    this.#evaluated = new Float64Array(1 + dimension);
    const toss = createToss(options.coins, random);
    this.#coin = (p, index) => toss(p, index, this.round);
  }

  /** The workers' initial gradients, for methods that start with one. Counts as round 0. */
  async start(): Promise<void> {
    const { method, transport, model } = this.options;
    if (method.server.start === undefined) return;
    const from = performance.now();
    model?.begin();
    const { workers } = this.#context;
    const length = this.#downlink.write(FrameKind.start, 0, 0, 0, NOTHING, transport.claimBroadcast(HEADER_BYTES));
    transport.commitBroadcast(length);
    for (let worker = 0; worker < workers; worker++) this.#count('downlink', worker, 'start');
    transport.flush();
    await this.#collect('start', undefined);
    method.server.start(this.#state, this.#context, this.#mean);
    model?.worked();
    this.seconds += (performance.now() - from) / 1000;
  }

  /** One round. @throws DivergedError, or FlotillaError `worker-lost`, `protocol`, `aborted` */
  async step(): Promise<void> {
    const { method, model } = this.options;
    const from = performance.now();
    model?.begin();
    this.round++;
    const plan = method.server.plan(this.#state, this.#context, this.#coin, this.round);
    this.#send(plan);
    await this.#collect(undefined, plan.answers);
    method.server.step(this.#state, this.#context, plan, this.#mean);
    model?.worked();
    this.seconds += (performance.now() - from) / 1000;
  }

  /** f and ∇f at the current iterate, exact, by a pass over the workers that is counted nowhere. */
  async evaluate(): Promise<Metrics> {
    const { transport } = this.options;
    const { workers, dimension } = this.#context;
    const { x } = this.#state;
    const bytes = HEADER_BYTES + 8 * dimension;
    const room = transport.claimBroadcast(bytes);
    writeHeader({ kind: FrameKind.evaluate, form: 'none', coins: 0, extra: 0, round: this.round }, room);
    room.set(new Uint8Array(x.buffer, x.byteOffset, x.byteLength), HEADER_BYTES);
    transport.commitBroadcast(bytes);
    transport.flush();

    let loss = 0;
    const gradient = this.#gradient.fill(0);
    const received = new Uint8Array(this.#evaluated.buffer);
    for (let worker = 0; worker < workers; worker++) {
      const frame = await this.#receive(worker);
      readHeader(frame, this.#header);
      if (this.#header.kind !== FrameKind.evaluation || frame.length !== HEADER_BYTES + received.length) {
        throw new ProtocolError(`worker ${worker} did not answer with an evaluation`);
      }
      received.set(frame.subarray(HEADER_BYTES));
      transport.release(worker);
      loss += (this.#evaluated[0] as number) / workers;
      for (let j = 0; j < dimension; j++) {
        gradient[j] = (gradient[j] as number) + (this.#evaluated[j + 1] as number) / workers;
      }
    }
    const gradNormSq = squaredNorm(gradient);
    if (!Number.isFinite(loss + gradNormSq))
      throw new DivergedError(this.round, 'server', `f = ${loss}, ‖∇f‖² = ${gradNormSq}`);
    const { round, seconds, ledger } = this;
    const modelSeconds = this.options.model?.seconds[0];
    const clocks = modelSeconds === undefined ? { seconds } : { seconds, modelSeconds };
    return { round, ...clocks, loss, gradNormSq, uplink: ledger.total('uplink'), downlink: ledger.total('downlink') };
  }

  /** SHA-256 of x as little-endian f64. */
  xHash(): string {
    const { x } = this.#state;
    return createHash('sha256')
      .update(new Uint8Array(x.buffer, x.byteOffset, x.byteLength))
      .digest('hex');
  }

  /** The state of the method's server half. */
  get state(): Readonly<ServerState> {
    return this.#state;
  }

  /** A copy of the iterate. */
  iterate(): Float64Array {
    return this.#state.x.slice();
  }

  /** Writes the round's downlink: once when all workers get the same, else one frame for each. */
  #send({ coins, downlink }: Plan): void {
    const { transport, method } = this.options;
    const { workers } = this.#context;
    const boundary = this.#downlink;
    const kind = FrameKind.downlink;
    if (typeof downlink !== 'function' && boundary.same(downlink.form)) {
      const room = transport.claimBroadcast(boundary.maxFrameBytes(downlink));
      const length = boundary.write(kind, this.round, coins, 0, downlink, room);
      for (let worker = 0; worker < workers; worker++) this.#count('downlink', worker, undefined);
      if (method.server.sent !== undefined) {
        method.server.sent(this.#state, this.#context, boundary.read(room.subarray(0, length), kind, this.round, 0));
      }
      transport.commitBroadcast(length);
    } else {
      const own = typeof downlink === 'function' ? downlink : () => downlink;
      for (let worker = 0; worker < workers; worker++) this.#sendTo(worker, coins, own(worker));
    }
    transport.flush();
  }

  #sendTo(worker: number, coins: number, outgoing: Outgoing): void {
    if (outgoing.form === 'none') return;
    const { transport } = this.options;
    const room = transport.claim(worker, this.#downlink.maxFrameBytes(outgoing));
    transport.commit(worker, this.#downlink.write(FrameKind.downlink, this.round, coins, worker, outgoing, room));
    this.#count('downlink', worker, undefined);
  }

  /** (1/n) Σ of the workers' uplinks, folded in worker order so that it does not depend on who was first. */
  async #collect(kind: 'start' | undefined, answers: Plan['answers']): Promise<void> {
    const { transport, model } = this.options;
    const { workers } = this.#context;
    const mean = this.#mean.fill(0);
    for (let worker = 0; worker < workers; worker++) {
      if (answers?.(worker) === false) continue;
      model?.worked();
      const frame = await this.#receive(worker);
      model?.received(worker, frame.length);
      const incoming = this.#uplink.read(frame, FrameKind.uplink, this.round, worker);
      incoming.addTo(mean, 1 / workers);
      this.#count('uplink', worker, kind);
      transport.release(worker);
    }
  }

  #count(direction: 'uplink' | 'downlink', worker: number, kind: 'start' | undefined): void {
    const { message } = direction === 'uplink' ? this.#uplink : this.#downlink;
    this.ledger.record(direction, worker, kind ?? message.form, message);
    if (direction === 'downlink') this.options.model?.sent(worker, message.frameBytes);
  }

  /** The next frame of `worker`; a failure frame is thrown as the error it carries. */
  async #receive(worker: number): Promise<Uint8Array> {
    const { transport, turn, workerTimeoutMs } = this.options;
    let frame = transport.receive(worker, SLICE_MS);
    for (
      const from = frame === undefined ? Date.now() : 0;
      frame === undefined;
      frame = transport.receive(worker, SLICE_MS)
    ) {
      await turn();
      if (Date.now() - from > workerTimeoutMs) {
        const waited = Math.round(workerTimeoutMs / 1000);
        throw new FlotillaError(
          'worker-lost',
          `worker ${worker} did not answer round ${this.round} within ${waited} s`,
        );
      }
    }
    if (frame[0] === FrameKind.failure) {
      const reason = unpackControl(frame.slice(HEADER_BYTES));
      if (reason.type === 'failed') throw new FlotillaError(reason.code as ErrorCode, reason.message);
    }
    return frame;
  }
}

const NOTHING = { form: 'none', vector: new Float64Array(0) } as const;
