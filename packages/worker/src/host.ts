import { asFlotillaError, DivergedError, FlotillaError, type ProblemData, type Runtime } from '@flotilla/core';
import {
  type Control,
  FrameKind,
  HEADER_BYTES,
  type Header,
  type HostEnd,
  ProtocolError,
  packControl,
  readHeader,
  unpackControl,
  WIRE_VERSION,
  writeHeader,
} from '@flotilla/protocol';
import { LogicalWorkers } from './logical-workers.js';

/**
 * One host of workers: reads what has arrived at its end of the transport and answers it. Knows messages, not threads;
 * a thread, a process or the loopback transport calls {@link WorkerHost.step} when there may be something to do.
 */
export class WorkerHost {
  #workers: LogicalWorkers | undefined;
  readonly #header: Header = { kind: FrameKind.start, form: 'none', coins: 0, extra: 0, round: 0 };

  constructor(
    private readonly end: HostEnd,
    private readonly problemData: ProblemData,
    private readonly runtime: Runtime,
  ) {}

  /** The state of a hosted worker's half of the method. */
  state(worker: number): unknown {
    return this.#configured().state(worker);
  }

  /** Handles everything that has arrived. */
  step(): void {
    for (let message = this.end.takeControl(); message !== undefined; message = this.end.takeControl()) {
      this.end.sendControl(packControl(this.#control(message)));
    }
    for (const worker of this.end.workers) {
      for (let frame = this.end.take(worker); frame !== undefined; frame = this.end.take(worker)) {
        this.#answer(worker, frame);
      }
    }
  }

  /** Answers a control message. */
  #control(bytes: Uint8Array): Control {
    try {
      const message = unpackControl(bytes);
      switch (message.type) {
        case 'configure':
          this.#workers = new LogicalWorkers(message.job, this.end.workers, this.problemData, this.runtime);
          return { type: 'ready', wireVersion: WIRE_VERSION, ...this.#workers.constants };
        case 'begin':
          this.#configured().begin(message.constants);
          return { type: 'begun' };
        case 'finish':
          return { type: 'finished', ...this.#configured().spent };
        default:
          throw new ProtocolError(`a host cannot answer a control message of type ${message.type}`);
      }
    } catch (thrown) {
      const { code, message } = asFlotillaError(thrown);
      return { type: 'failed', code, message };
    }
  }

  /** Answers a frame with a frame: the uplink, or why there is none. */
  #answer(worker: number, frame: Uint8Array): void {
    try {
      const workers = this.#configured();
      const header = readHeader(frame, this.#header);
      if (header.kind === FrameKind.evaluate) {
        workers.evaluate(worker, header.round, vectorIn(frame, workers.dimension));
        this.#reply(worker, workers.evaluationBytes, (room) => workers.writeEvaluation(header.round, room));
      } else {
        const outgoing =
          header.kind === FrameKind.start ? workers.start(worker, header, frame) : workers.round(worker, header, frame);
        if (outgoing !== undefined) {
          this.#reply(worker, workers.uplink.maxFrameBytes(outgoing), (room) => {
            const length = workers.uplink.write(FrameKind.uplink, header.round, 0, worker, outgoing, room);
            workers.sent(worker, header.round, room.subarray(0, length));
            return length;
          });
        }
      }
    } catch (thrown) {
      this.#fail(worker, thrown);
    }
    this.end.release(worker);
  }

  #reply(worker: number, bytes: number, write: (room: Uint8Array) => number): void {
    this.end.commit(worker, write(this.end.claim(worker, bytes)));
  }

  #fail(worker: number, thrown: unknown): void {
    const error = asFlotillaError(thrown);
    const who = error instanceof DivergedError ? '' : `worker ${worker}, round ${this.#header.round}: `;
    const reason = packControl({ type: 'failed', code: error.code, message: `${who}${error.message}` });
    this.#reply(worker, HEADER_BYTES + reason.length, (room) => {
      writeHeader({ kind: FrameKind.failure, form: 'none', coins: 0, extra: 0, round: this.#header.round }, room);
      room.set(reason, HEADER_BYTES);
      return HEADER_BYTES + reason.length;
    });
  }

  #configured(): LogicalWorkers {
    if (this.#workers === undefined) throw new FlotillaError('protocol', 'a message came before the configuration');
    return this.#workers;
  }
}

/** The f64 vector that is a frame's payload. @throws ProtocolError */
function vectorIn(frame: Uint8Array, dimension: number): Float64Array {
  if (frame.length !== HEADER_BYTES + 8 * dimension) {
    throw new ProtocolError(`an evaluation point of ${frame.length - HEADER_BYTES} bytes, expected ${8 * dimension}`);
  }
  return new Float64Array(frame.slice(HEADER_BYTES).buffer);
}
