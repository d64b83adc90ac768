// Long: both directions of one boundary, what is written and what is read of the same bytes.
import {
  type Compressor,
  type CompressorEntry,
  CompressorError,
  createCompressor,
  DeltaCodec,
  type Direction,
  MessageKey,
  ProtocolError,
  type Wire,
} from '@flotilla/compressors';
import {
  DivergedError,
  FlotillaError,
  type Form,
  type Incoming,
  type KeyedRandom,
  type Method,
  type Outgoing,
  type Precision,
  type Registry,
  type Remembered,
  type Sparse,
  subtract,
  type Vector,
} from '@flotilla/core';
import { getU32, putU32, zeros } from '@flotilla/core/internal';
import type { Job } from './control.js';
import { checkDue, type FrameKind, HEADER_BYTES, type Header, MAX_EXTRA, readHeader, writeHeader } from './frame.js';

/** One direction of every link: which compressor it has and how wide a dense coordinate is. */
export interface BoundaryOptions {
  readonly direction: Direction;
  /** Length of the vectors that cross. */
  readonly dimension: number;
  readonly workers: number;
  readonly wire: Wire;
  /** Of the vectors on both sides; f64 when left out. */
  readonly precision?: Precision | undefined;
  /** How dense vectors are coded: as they are (the default), or without loss in fewer bits. */
  readonly dense?: 'plain' | 'packed' | undefined;
  /** Compressor spec; undefined when the method only sends dense vectors this way. */
  readonly compressor: string | undefined;
  /** The compressors that the spec may name; the built-in ones when left out. */
  readonly compressors?: Registry<CompressorEntry> | undefined;
  /** Whether one message goes to all workers, whatever the compressor: its randomness is then worker 0's. */
  readonly toAll?: boolean;
  /** Coins that frames this way may have: so many bits, lowest first; all eight when left out. */
  readonly coins?: number | undefined;
  readonly random: KeyedRandom;
  /** Name of the method, for errors. */
  readonly method?: string;
}

/** Both directions of a run, the same on the server and on every host. @param dimension Length of the vectors that cross */
export function openBoundaries(
  job: Job,
  { name: method, downlinkTo, coins }: Method,
  dimension: number,
  compressors: Registry<CompressorEntry>,
  random: KeyedRandom,
): Record<Direction, Boundary> {
  const { workers, wire, precision, dense } = job;
  const link = { dimension, workers, wire, precision, dense, compressors, random, method };
  const toAll = downlinkTo === 'all';
  return {
    downlink: new Boundary({ ...link, direction: 'downlink', compressor: job.downlink, toAll, coins }),
    uplink: new Boundary({ ...link, direction: 'uplink', compressor: job.uplink, coins: 0 }),
  };
}

/** Coins that a header has room for. */
const MAX_COINS = 8;

/** Before each vector of a frame that has several: its length in bytes. */
const LENGTH_BYTES = 4;

/**
 * Where vectors become bytes and bytes become vectors: compresses, frames, checks, and says what the message cost. A
 * method on one side and a transport on the other never see each other's material. One object serves one direction on
 * one thread; what it returns is valid until its next call.
 */
export class Boundary {
  /** Form and cost of the message last written or read. */
  readonly message = { form: 'none' as Form, payloadBytes: 0, frameBytes: 0, paperBits: 0, coordinates: 0 };
  readonly #key: MessageKey;
  readonly #denseSpec: string;
  readonly #dense: Compressor;
  readonly #compressed: Compressor | undefined;
  #delta: DeltaCodec | undefined;
  /** All of what was remembered, for a compressor that remembers nothing itself. */
  #difference: Vector | undefined;
  /** What was remembered last is of this message. */
  readonly #remembered = { round: -1, worker: -1 };
  readonly #coins: number;
  readonly #incoming = new ReadFrame();
  /** Round of the frame last read, where it was right and is held whole. */
  #held: number | undefined;
  /** By number of the vector: what decodes and then holds it. Made when a frame has so many. */
  readonly #extraDense: Compressor[] = [];
  readonly #extraCompressed: Compressor[] = [];
  readonly #header: Header = { kind: 1, form: 'none', coins: 0, extra: 0, round: 0 };

  constructor(private readonly options: BoundaryOptions) {
    this.#key = new MessageKey(options.random, options.direction, options.workers);
    const { compressor, compressors, coins = MAX_COINS } = options;
    this.#coins = coins;
    this.#denseSpec = options.dense === 'packed' ? 'packed' : 'identity';
    this.#dense = createCompressor(this.#denseSpec, options);
    this.#compressed = compressor === undefined ? undefined : createCompressor(compressor, options, compressors);
  }

  /** Whether a message of this form is the same for every worker, so that it can be written once. */
  same(form: Form): boolean {
    return form !== 'compressed' || this.options.toAll === true || this.#codec(form).same;
  }

  /** Upper bound of the frame of a message, header included. */
  maxFrameBytes({ form, extra }: Outgoing): number {
    return this.#longest(form, extra?.length ?? 0);
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
    header.extra = outgoing.extra?.length ?? 0;
    header.round = round;
    if (header.extra > MAX_EXTRA) {
      throw new FlotillaError('internal', `${1 + header.extra} vectors in a frame, at most ${1 + MAX_EXTRA}`);
    }
    this.#clear();
    try {
      const end = outgoing.form === 'none' ? HEADER_BYTES : this.#writeVectors(outgoing, round, worker, frame);
      // written last: only now the form is known
      writeHeader(header, frame);
      this.message.form = header.form;
      this.message.frameBytes = end;
      return end;
    } catch (error) {
      if (!(error instanceof CompressorError)) throw error;
      const { direction, method } = this.options;
      throw new DivergedError(round, direction === 'uplink' ? worker : 'server', error.message, method);
    }
  }

  /**
   * Reads a frame that must be of `kind` and of `round`, or, with `round` undefined, of a round after `after`. Each of its
   * vectors is decoded once, all of them before this returns: what is wrong with any, nothing of the frame is used.
   * @param header The frame's header, when the caller has read it already.
   * @throws ProtocolError that says in `refusal` why; a payload that is refused may leave that to its reader
   */
  read(
    frame: Uint8Array,
    kind: FrameKind,
    round: number | undefined,
    worker: number,
    after = -1,
    header: Readonly<Header> = readHeader(frame, this.#header),
  ): Incoming {
    this.#held = undefined;
    checkDue(header, kind, round, after);
    const { form, extra, coins } = header;
    if (coins >> this.#coins !== 0) {
      throw new ProtocolError(`coins ${coins} where only ${this.#coins} are tossed`, { refusal: 'coins' });
    }
    const incoming = this.#incoming;
    incoming.form = form;
    incoming.coins = coins;
    incoming.vectors = form === 'none' ? 0 : 1 + extra;
    incoming.frame = frame;
    this.#clear();
    if (extra > 0 && (form === 'none' || form === 'delta')) {
      throw new ProtocolError(`${extra} extra vectors in a frame of form ${form}`, { refusal: 'malformed' });
    }
    const longest = this.#longest(form, extra);
    if (frame.length > longest) {
      const what = `a frame of ${frame.length} bytes, at most ${longest} of form ${form}`;
      throw new ProtocolError(what, { refusal: 'oversized' });
    }
    incoming.locate();
    for (let k = incoming.vectors - 1; k >= 0; k--) {
      const codec = this.#decode(k, form, header.round, worker);
      this.#addCost(incoming.end(k) - incoming.begin(k), codec.coordinates, form);
    }
    this.message.form = form;
    this.message.frameBytes = frame.length;
    this.#held = header.round;
    return incoming;
  }

  /**
   * The frame last read, for another worker that it was sent to as well: what it carries is decoded already. Where its memory holds
   * that of another round by now, it is read. The arguments are those of {@link Boundary.read}.
   * @throws ProtocolError
   */
  readAgain(
    frame: Uint8Array,
    kind: FrameKind,
    round: number | undefined,
    worker: number,
    after: number,
    header: Readonly<Header>,
  ): Incoming {
    if (this.#held !== header.round || this.#incoming.frame !== frame)
      return this.read(frame, kind, round, worker, after, header);
    checkDue(header, kind, round, after);
    return this.#incoming;
  }

  /** Notes of a vector what the compressor of the message of `worker` in `round` looks at, or all of it. Valid until the next message. */
  remember(vector: Vector, round: number, worker: number): Remembered {
    const codec = this.#codec('compressed');
    const key = this.#keyOf(round, worker, 0);
    this.#remembered.round = round;
    this.#remembered.worker = key.worker;
    if (codec.remember !== undefined) {
      codec.remember(vector as Float64Array, key);
      return this.#remembered;
    }
    this.#difference ??= zeros(this.options.dimension, this.options.precision ?? 'f64');
    this.#difference.set(vector);
    return this.#remembered;
  }

  #longest(form: Form, extra: number): number {
    if (form === 'none') return HEADER_BYTES;
    // changes are sent where they are shorter
    const vector = this.#codec(form === 'delta' ? 'dense' : form).maxBytes;
    return HEADER_BYTES + (extra === 0 ? vector : (1 + extra) * (LENGTH_BYTES + vector));
  }

  #writeVectors(outgoing: Outgoing, round: number, worker: number, frame: Uint8Array): number {
    const { form, vector, extra, deltaBase, minus } = outgoing;
    if (minus !== undefined && (extra ?? deltaBase) !== undefined) {
      throw new FlotillaError('internal', 'a difference has no extra vectors, and no base of changes');
    }
    if (deltaBase !== undefined && form === 'dense') {
      const delta = this.#deltaCodec();
      const bytes = delta.encode(
        vector,
        deltaBase,
        this.#dense.maxBytes,
        this.#keyOf(round, worker, 0),
        frame,
        HEADER_BYTES,
      );
      if (bytes > 0) {
        this.#header.form = 'delta';
        this.#addCost(bytes, delta.coordinates, 'delta');
        return HEADER_BYTES + bytes;
      }
    }
    const codec = this.#codec(form);
    if (extra === undefined || extra.length === 0) {
      const key = this.#keyOf(round, worker, 0);
      const bytes =
        minus === undefined
          ? codec.encode(vector as Float64Array, key, frame, HEADER_BYTES)
          : this.#encodeRemembered(codec, vector, key, frame);
      this.#addCost(bytes, codec.coordinates, form);
      return HEADER_BYTES + bytes;
    }
    let at = HEADER_BYTES;
    for (let k = 0; k <= extra.length; k++) {
      const from = at + LENGTH_BYTES;
      const next = k === 0 ? vector : (extra[k - 1] as Vector);
      const bytes = codec.encode(next as Float64Array, this.#keyOf(round, worker, k), frame, from);
      putU32(frame, at, bytes);
      this.#addCost(bytes, codec.coordinates, form);
      at = from + bytes;
    }
    return at;
  }

  #encodeRemembered(codec: Compressor, x: Vector, key: MessageKey, frame: Uint8Array): number {
    const { round, worker } = this.#remembered;
    if (round !== key.round || worker !== key.worker || codec !== this.#compressed)
      throw new FlotillaError('internal', 'what was remembered is of another message');
    if (codec.encodeRemembered !== undefined)
      return codec.encodeRemembered(x as Float64Array, key, frame, HEADER_BYTES);
    const difference = this.#difference as Vector;
    subtract(x, difference, difference);
    return codec.encode(difference as Float64Array, key, frame, HEADER_BYTES);
  }

  /** Decodes vector k of the frame being read and returns the codec that holds it from then on. */
  #decode(k: number, form: Form, round: number, worker: number): Compressor | DeltaCodec {
    const incoming = this.#incoming;
    const { frame } = incoming;
    if (form === 'delta') {
      const delta = this.#deltaCodec();
      delta.decode(frame, incoming.begin(k), incoming.end(k));
      incoming.hold(k, delta);
      return delta;
    }
    const codec = k === 0 ? this.#codec(form) : this.#extraCodec(form, k);
    codec.decode(frame, incoming.begin(k), incoming.end(k), this.#keyOf(round, worker, k));
    incoming.hold(k, codec);
    return codec;
  }

  /** What decodes vector k > 0 of a frame: as the first one's codec does, with memory of its own. */
  #extraCodec(form: Form, k: number): Compressor {
    const codecs = form === 'dense' ? this.#extraDense : this.#extraCompressed;
    const known = codecs[k];
    if (known !== undefined) return known;
    const spec = form === 'dense' ? this.#denseSpec : this.#codec(form).spec;
    const made = createCompressor(spec, this.options, this.options.compressors);
    codecs[k] = made;
    return made;
  }

  #keyOf(round: number, worker: number, draw: number): MessageKey {
    return this.#key.at(round, this.options.toAll === true ? 0 : worker, draw);
  }

  #codec(form: Form): Compressor {
    if (form === 'dense') return this.#dense;
    if (this.#compressed === undefined)
      throw new ProtocolError(`this ${this.options.direction} carries no compressed messages`);
    return this.#compressed;
  }

  #deltaCodec(): DeltaCodec {
    this.#delta ??= new DeltaCodec(this.options.dimension, this.options.wire, this.options.precision);
    return this.#delta;
  }

  #clear(): void {
    const message = this.message;
    message.payloadBytes = 0;
    message.paperBits = 0;
    message.coordinates = 0;
  }

  /** Adds a vector to what the message costs. */
  #addCost(payloadBytes: number, coordinates: number, form: Form): void {
    const message = this.message;
    message.payloadBytes += payloadBytes;
    message.coordinates += coordinates;
    message.paperBits += coordinates * (form === 'delta' ? this.#dense : this.#codec(form)).nominalBits;
  }
}

/** The frame last read: where its vectors lie, and the codecs that hold them. */
class ReadFrame implements Incoming {
  form: Form = 'none';
  coins = 0;
  vectors = 0;
  frame: Uint8Array = new Uint8Array(0);
  /** Begin and end of each vector of a frame with several. */
  #places: number[] = [];
  /** What holds each decoded vector; takes targets of the run's precision. */
  readonly #codecs: (Compressor | DeltaCodec)[] = [];

  /** Finds the vectors in the frame. @throws ProtocolError */
  locate(): void {
    if (this.vectors < 2) return;
    const { frame } = this;
    this.#places = [];
    let at = HEADER_BYTES;
    for (let k = 0; k < this.vectors; k++) {
      if (frame.length - at < LENGTH_BYTES)
        throw new ProtocolError(`the frame ends before vector ${k + 1} of ${this.vectors}`);
      const length = getU32(frame, at);
      at += LENGTH_BYTES;
      if (length > frame.length - at)
        throw new ProtocolError(`the frame ends within vector ${k + 1} of ${this.vectors}`);
      this.#places.push(at, at + length);
      at += length;
    }
    if (at !== frame.length) throw new ProtocolError(`${frame.length - at} bytes after the last vector of a frame`);
  }

  begin(k: number): number {
    return this.vectors === 1 ? HEADER_BYTES : (this.#places[2 * k] as number);
  }

  end(k: number): number {
    return this.vectors === 1 ? this.frame.length : (this.#places[2 * k + 1] as number);
  }

  /** Notes that `codec` has decoded vector k. */
  hold(k: number, codec: Compressor | DeltaCodec): void {
    this.#codecs[k] = codec;
  }

  copyTo(target: Vector, k = 0): void {
    if (this.vectors === 0) return;
    if (!(k < this.vectors)) throw new FlotillaError('internal', `vector ${k + 1} of a frame of ${this.vectors}`);
    this.#codecs[k]?.copyTo(target as Float64Array);
  }

  addTo(target: Vector, weight: number): void {
    for (let k = 0; k < this.vectors; k++) {
      const codec = this.#codecs[k] as Compressor | DeltaCodec;
      if (codec instanceof DeltaCodec) throw new FlotillaError('internal', 'changes cannot be added');
      codec.addTo(target as Float64Array, weight);
    }
  }

  get sparse(): Sparse | undefined {
    if (this.vectors !== 1) return undefined;
    const [codec] = this.#codecs;
    return codec instanceof DeltaCodec ? undefined : codec?.sparse;
  }
}
