import {
  type Compressor,
  CompressorError,
  createCompressor,
  type Direction,
  MessageKey,
  ProtocolError,
  type Wire,
} from '@flotilla/compressors';
import { DivergedError, type Form, type Incoming, type KeyedRandom, type Outgoing } from '@flotilla/core';
import { type FrameKind, HEADER_BYTES, type Header, readHeader, writeHeader } from './frame.js';

/** One direction of every link: which compressor it has and how wide a dense coordinate is. */
export interface BoundaryOptions {
  readonly direction: Direction;
  /** Length of the vectors that cross. */
  readonly dimension: number;
  readonly workers: number;
  readonly wire: Wire;
  /** Compressor spec; undefined when the method only sends dense vectors this way. */
  readonly compressor: string | undefined;
  /** Whether one message goes to all workers, whatever the compressor: its randomness is then worker 0's. */
  readonly toAll?: boolean;
  readonly random: KeyedRandom;
}

/**
 * Where vectors become bytes and bytes become vectors: compresses, frames, checks, and says what the message cost. A
 * method on one side and a transport on the other never see each other's material. One object serves one direction on
 * one thread; what it returns is valid until its next call.
 */
export class Boundary {
  /** Cost of the message last written or read. */
  readonly message = { payloadBytes: 0, frameBytes: 0, paperBits: 0, coordinates: 0 };
  readonly #key: MessageKey;
  readonly #dense: Compressor;
  readonly #compressed: Compressor | undefined;
  readonly #incoming: { form: Form; coins: number; from: Compressor | undefined } & Incoming;
  readonly #header: Header = { kind: 1, form: 'none', coins: 0, round: 0 };

  constructor(private readonly options: BoundaryOptions) {
    this.#key = new MessageKey(options.random, options.direction, options.workers);
    this.#dense = createCompressor('identity', options);
    this.#compressed = options.compressor === undefined ? undefined : createCompressor(options.compressor, options);
    this.#incoming = {
      form: 'none',
      coins: 0,
      from: undefined,
      copyTo(target) {
        this.from?.copyTo(target);
      },
      addTo(target, weight) {
        this.from?.addTo(target, weight);
      },
    };
  }

  /** Whether a message of this form is the same for every worker, so that it can be written once. */
  same(form: Form): boolean {
    return form !== 'compressed' || this.options.toAll === true || this.#codec(form).same;
  }

  /** Upper bound of a frame of this form, header included. */
  maxFrameBytes(form: Form): number {
    return HEADER_BYTES + (form === 'none' ? 0 : this.#codec(form).maxBytes);
  }

  /**
   * Writes the frame of one message and returns its length.
   * @throws DivergedError when the vector holds something no codec can carry: NaN, an infinity, an overflow.
   */
  write(kind: FrameKind, round: number, coins: number, worker: number, outgoing: Outgoing, frame: Uint8Array): number {
    const header = this.#header;
    header.kind = kind;
    header.form = outgoing.form;
    header.coins = coins;
    header.round = round;
    writeHeader(header, frame);
    if (outgoing.form === 'none') return this.#measure(0, undefined);
    const codec = this.#codec(outgoing.form);
    try {
      return this.#measure(codec.encode(outgoing.vector, this.#keyOf(round, worker), frame, HEADER_BYTES), codec);
    } catch (error) {
      if (!(error instanceof CompressorError)) throw error;
      throw new DivergedError(round, this.options.direction === 'uplink' ? worker : 'server', error.message);
    }
  }

  /** Reads a frame that must be of `kind` and `round`. @throws ProtocolError */
  read(frame: Uint8Array, kind: FrameKind, round: number, worker: number): Incoming {
    const header = this.#header;
    readHeader(frame, header);
    if (header.kind !== kind || header.round !== round) {
      throw new ProtocolError(
        `expected a frame of kind ${kind} and round ${round}, got kind ${header.kind} and round ${header.round}`,
      );
    }
    const incoming = this.#incoming;
    incoming.form = header.form;
    incoming.coins = header.coins;
    if (header.form === 'none') {
      if (frame.length !== HEADER_BYTES)
        throw new ProtocolError(`${frame.length - HEADER_BYTES} bytes after an empty message`);
      incoming.from = undefined;
      this.#measure(0, undefined);
      return incoming;
    }
    const codec = this.#codec(header.form);
    codec.decode(frame, HEADER_BYTES, frame.length, this.#keyOf(round, worker));
    incoming.from = codec;
    this.#measure(frame.length - HEADER_BYTES, codec);
    return incoming;
  }

  #keyOf(round: number, worker: number): MessageKey {
    return this.#key.at(round, this.options.toAll === true ? 0 : worker);
  }

  #codec(form: Form): Compressor {
    if (form === 'dense') return this.#dense;
    if (this.#compressed === undefined)
      throw new ProtocolError(`this ${this.options.direction} carries no compressed messages`);
    return this.#compressed;
  }

  #measure(payloadBytes: number, codec: Compressor | undefined): number {
    const message = this.message;
    message.payloadBytes = payloadBytes;
    message.frameBytes = HEADER_BYTES + payloadBytes;
    message.coordinates = codec?.coordinates ?? 0;
    message.paperBits = message.coordinates * (codec?.paperBits ?? 0);
    return message.frameBytes;
  }
}
