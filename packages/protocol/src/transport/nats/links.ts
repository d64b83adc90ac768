// Long: one class, both directions of all links to one peer, with what is kept of each until it has arrived.
import { ProtocolError } from '@flotilla/compressors';
import { BUNDLED_BYTES, eachBundled, MAX_BUNDLE_BYTES, MAX_BUNDLED_BYTES, writeBundled } from './bundle.js';
import { ENVELOPE_BYTES, type Envelope, Flag, Kind, sealed, writeEnvelope } from './envelope.js';
import { Fifo } from './fifo.js';
import { Rooms } from './rooms.js';
import { partOf, type Traffic } from './traffic.js';

/** Largest piece that a message is cut into; a broker may ask for less. */
export const MAX_PIECE_BYTES = 512 << 10;
/** What may be under way to a peer and not be acknowledged: well below what a broker keeps for a reader. */
const WINDOW_BYTES = 16 << 20;
/** What has arrived is acknowledged after so many bytes, or milliseconds, unless something is sent anyway. */
const ACK_BYTES = 2 << 20;
const ACK_MS = 100;
/** After so long without an acknowledgement the peer is asked, and asked again. */
const ASK_MS = 1000;
/** A gap is told of at most this often. */
const GAP_MS = 50;

/** The longest message of a run whose longest frame has so many bytes: a worker's state is a few vectors more. */
export const longestMessage = (frameBytes: number): number => Math.max(64 << 20, 16 * frameBytes);

/** A piece of a message that has not been acknowledged. */
class Piece {
  sentAt = Number.NaN;
  /** Whether it has been sent more than once: who knows what still looks at its bytes then. */
  isAgain = false;

  constructor(
    readonly seq: number,
    readonly kind: Kind,
    readonly total: number,
    readonly bytes: Uint8Array,
    /** The bytes with room for an envelope before them, of {@link Rooms}; of short ones, and where others send them, undefined. */
    readonly message: Uint8Array | undefined,
    /** What it counts as when it is sent first. */
    readonly part: keyof Traffic,
    /** Of the peer's window. */
    readonly weight: number,
  ) {}
}

interface Waiting {
  readonly link: number;
  readonly piece: Piece;
}

/** A message of which pieces are missing. */
interface Partial {
  readonly bytes: Uint8Array;
  readonly part: keyof Traffic;
  filled: number;
  /** It is the same object on all workers' links: each piece of it has come for all. */
  readonly isForAll: boolean;
}

/** One link: a worker's, or a host's control messages. Two directions, each numbered for itself. */
class Link {
  /** The number of the next piece. */
  next = 0;
  /** Not acknowledged, oldest first; the last ones may not have been sent. */
  readonly pieces = new Fifo<Piece>();
  /** Pieces that have arrived in order. */
  received = 0;
  /** What of the other side's has arrived is known by the peer up to here. */
  told = 0;
  partial: Partial | undefined;
}

/** What a {@link Peer} needs of its surroundings. */
export interface PeerOptions {
  /** Links of workers; one more, the last one, is that of control messages. */
  readonly workers: number;
  readonly session: number;
  readonly pieceBytes: number;
  /** The longest message that will be put together: memory is had for no longer one. */
  readonly maxMessageBytes: number;
  /** Milliseconds. */
  now(): number;
  /** Hands a message to the broker, on the subject of a worker by its place here. It may be written to when it has arrived. */
  publish(worker: number, message: Uint8Array): void;
  /** A whole message has arrived, on one link or on all links of workers. `bytes` is to be copied, unless it is nobody else's. */
  deliver(link: number | 'all', bytes: Uint8Array, isOwn: boolean): void;
  readonly sent: Traffic;
  readonly received: Traffic;
}

/**
 * The links between the server and one host, seen from either end: messages arrive whole, once and in order, though the broker
 * may lose any of them. Pieces are numbered, kept until they are acknowledged, and sent again when the peer has not got them.
 */
export class Peer {
  readonly #links: Link[];
  readonly #rooms = new Rooms();
  /** Pieces that wait for the window. */
  readonly #waiting = new Fifo<Waiting>();
  #inFlight = 0;
  #arrivedBytes = 0;
  #arrivedAt: number | undefined;
  #sentAt: number;
  #askedAt = Number.NEGATIVE_INFINITY;
  #gapAt = Number.NEGATIVE_INFINITY;
  /** When the peer was last heard of. */
  heardAt: number;

  constructor(private readonly options: PeerOptions) {
    this.#links = Array.from({ length: options.workers + 1 }, () => new Link());
    this.heardAt = options.now();
    this.#sentAt = this.heardAt;
  }

  get control(): number {
    return this.options.workers;
  }

  /**
   * Sends a message, of which a copy is kept until it has arrived.
   * @param isMore Others follow, and {@link Peer.flush} after them: short ones travel together
   */
  send(link: number, message: Uint8Array, isMore = false): void {
    const { pieceBytes } = this.options;
    const kind = link === this.control ? Kind.control : Kind.frame;
    const part: keyof Traffic = kind === Kind.control ? 'control' : partOf(message);
    for (let at = 0; at === 0 || at < message.length; at += pieceBytes) {
      const length = Math.min(pieceBytes, message.length - at);
      // a short one is copied once more, among others
      const isShort = length <= MAX_BUNDLED_BYTES;
      const room = isShort ? undefined : this.#rooms.take(ENVELOPE_BYTES + length);
      const bytes = room?.subarray(ENVELOPE_BYTES) ?? Buffer.allocUnsafe(length);
      bytes.set(length === message.length ? message : message.subarray(at, at + length));
      const own = this.#link(link);
      const piece = new Piece(own.next++, kind, message.length, bytes, room, part, length);
      own.pieces.push(piece);
      this.#waiting.push({ link, piece });
    }
    if (!isMore) this.#pump();
  }

  /** Publishes what has been sent, as far as the window lets it. */
  flush(): void {
    this.#pump();
  }

  /** The number that the next message of all workers' links would have, if it is the same and nothing waits. */
  get aligned(): number | undefined {
    if (this.#waiting.length > 0 || this.#inFlight > WINDOW_BYTES / 2) return undefined;
    const next = this.#links[0]?.next;
    for (let link = 1; link < this.options.workers; link++) if (this.#link(link).next !== next) return undefined;
    return next;
  }

  /** How many pieces of every worker's link have arrived, at least. */
  get receivedByAll(): number {
    let least = Number.POSITIVE_INFINITY;
    for (let link = 0; link < this.options.workers; link++) least = Math.min(least, this.#link(link).received);
    return least;
  }

  /** A message has been published to all workers, in these pieces: they are kept, uncopied, like any other. */
  broadcast(pieces: readonly Uint8Array[], acknowledged: number): void {
    const { workers } = this.options;
    const total = pieces.reduce((sum, { length }) => sum + length, 0);
    const part = partOf(pieces[0] as Uint8Array);
    const now = this.options.now();
    for (const bytes of pieces) {
      for (let link = 0; link < workers; link++) {
        const own = this.#link(link);
        const weight = link === 0 ? bytes.length : 0;
        const piece = new Piece(own.next++, Kind.frame, total, bytes, undefined, part, weight);
        piece.sentAt = now;
        own.pieces.push(piece);
        this.#inFlight += weight;
        own.told = Math.max(own.told, acknowledged);
      }
    }
    this.#sentAt = now;
  }

  /** A piece of a broadcast has arrived, for all links of workers. @throws ProtocolError */
  arrivedForAll(envelope: Readonly<Envelope>, payload: Uint8Array): void {
    const { workers, maxMessageBytes, deliver } = this.options;
    const { seq, ack, total } = envelope;
    const common = this.#links[0]?.partial;
    let isCommon = true;
    for (let link = 0; link < workers && isCommon; link++) {
      const { received, partial } = this.#link(link);
      isCommon = received === seq && partial === common;
    }
    if (!isCommon || common?.isForAll === false || total > maxMessageBytes) {
      for (let link = 0; link < workers; link++) this.arrived(link, envelope, payload);
      return;
    }
    this.heardAt = this.options.now();
    const partial = common ?? begun(total, payload, partOf(payload), true);
    fill(partial, total, payload);
    this.#count(partial.part === 'frames' ? 'broadcasts' : partial.part, payload);
    const isWhole = partial.filled === total;
    for (let k = 0; k < workers; k++) {
      const link = this.#link(k);
      this.#acknowledge(link, ack);
      link.received++;
      link.partial = isWhole ? undefined : partial;
    }
    this.#countArrived(payload.length);
    if (isWhole) deliver('all', partial.bytes, false);
    this.#pump();
  }

  /** Messages of several links have arrived. @throws ProtocolError */
  arrivedBundle(payload: Uint8Array): void {
    this.heardAt = this.options.now();
    this.options.received.control += ENVELOPE_BYTES;
    eachBundled(payload, (link, seq, ack, bytes) => {
      this.#take(link, link === this.control ? Kind.control : Kind.frame, seq, ack, bytes.length, bytes, BUNDLED_BYTES);
    });
    this.#pump();
  }

  /** A piece has arrived. @throws ProtocolError */
  arrived(link: number, envelope: Readonly<Envelope>, payload: Uint8Array): void {
    const { kind, seq, ack, total } = envelope;
    this.heardAt = this.options.now();
    this.#take(link, kind, seq, ack, total, payload, ENVELOPE_BYTES);
    this.#pump();
  }

  /** @param before Bytes before the payload that are its own */
  #take(link: number, kind: Kind, seq: number, ack: number, total: number, payload: Uint8Array, before: number): void {
    const own = this.#link(link);
    this.#acknowledge(own, ack);
    const counts = kind !== Kind.broadcast || link === 0;
    if (seq !== own.received) {
      if (counts) this.options.received.again += before + payload.length;
      if (seq > own.received) this.#tellGap();
      return;
    }
    const { maxMessageBytes } = this.options;
    if (total > maxMessageBytes) {
      const what = `a message of ${total} bytes, at most ${maxMessageBytes} are due`;
      throw new ProtocolError(what, { refusal: 'oversized' });
    }
    own.partial ??= begun(total, payload, link === this.control ? 'control' : partOf(payload), false);
    // the others' may come another way
    if (own.partial.isForAll) own.partial = { ...own.partial, bytes: own.partial.bytes.slice(), isForAll: false };
    const { partial } = own;
    fill(partial, total, payload);
    own.received++;
    if (counts)
      this.#count(kind === Kind.broadcast && partial.part === 'frames' ? 'broadcasts' : partial.part, payload, before);
    this.#countArrived(counts ? payload.length : 0);
    if (partial.filled === total) {
      own.partial = undefined;
      // one that came in pieces was put together here
      this.options.deliver(link, partial.bytes, partial.bytes !== payload);
    }
  }

  /** Counts a piece that has come in its turn. */
  #count(part: keyof Traffic, payload: Uint8Array, before = ENVELOPE_BYTES): void {
    this.options.received[part] += payload.length;
    this.options.received.control += before;
  }

  /** Acknowledges what is much. */
  #countArrived(bytes: number): void {
    this.#arrivedBytes += bytes;
    this.#arrivedAt ??= this.heardAt;
    if (this.#arrivedBytes > ACK_BYTES) this.#sync(0);
  }

  /** The peer says how much of each link has arrived. @throws ProtocolError */
  synced({ flags }: Readonly<Envelope>, payload: Uint8Array): void {
    if (payload.length !== 4 * this.#links.length) {
      throw new ProtocolError(`an acknowledgement of ${payload.length} bytes for ${this.#links.length} links`, {
        refusal: 'payload',
      });
    }
    const now = this.options.now();
    this.heardAt = now;
    this.options.received.control += ENVELOPE_BYTES + payload.length;
    const view = new DataView(payload.buffer, payload.byteOffset);
    for (const [k, link] of this.#links.entries()) {
      this.#acknowledge(link, view.getUint32(4 * k, true));
      if ((flags & Flag.missing) !== 0) this.#sendAgain(k, link, now);
    }
    if ((flags & Flag.ask) !== 0) this.#sync(Flag.missing);
    this.#pump();
  }

  /** To be called several times a second. */
  tick(): void {
    const now = this.options.now();
    if (this.#arrivedAt !== undefined && now - this.#arrivedAt >= ACK_MS && this.#owes) this.#sync(0);
    if (
      this.#links.some(({ pieces }) => now - (pieces.first?.sentAt ?? now) >= ASK_MS) &&
      now - this.#askedAt >= ASK_MS
    )
      this.ask();
    else if (now - this.#sentAt >= ASK_MS) this.#sync(0);
  }

  /** Asks the peer what has arrived. */
  ask(): void {
    this.#askedAt = this.options.now();
    this.#sync(Flag.ask);
  }

  /** Whether something has arrived that the peer does not know of. */
  get #owes(): boolean {
    return this.#links.some(({ received, told }) => received > told);
  }

  #link(link: number): Link {
    const found = this.#links[link];
    if (found === undefined)
      throw new ProtocolError(`link ${link} of ${this.#links.length}`, { refusal: 'unexpected' });
    return found;
  }

  #acknowledge(link: Link, count: number): void {
    for (let piece = link.pieces.first; piece !== undefined; piece = link.pieces.first) {
      // what has not been sent cannot have arrived
      if (piece.seq >= count || Number.isNaN(piece.sentAt)) return;
      link.pieces.shift();
      this.#inFlight -= piece.weight;
      if (piece.message !== undefined && !piece.isAgain) this.#rooms.give(piece.message);
    }
  }

  #pump(): void {
    const { sent } = this.options;
    while (this.#inFlight < WINDOW_BYTES) {
      const bundle = this.#bundle();
      for (const { piece } of bundle) {
        this.#inFlight += piece.weight;
        sent[piece.part] += piece.bytes.length;
      }
      const [waiting] = bundle;
      if (waiting === undefined) return;
      sent.control += ENVELOPE_BYTES;
      if (bundle.length === 1) this.#publish(waiting.link, waiting.piece);
      else {
        sent.control += BUNDLED_BYTES * bundle.length;
        this.#publishBundle(bundle);
      }
    }
  }

  /** What waits and may travel together: one piece, or several short whole messages. */
  #bundle(): readonly Waiting[] {
    const { pieceBytes } = this.options;
    const together: Waiting[] = [];
    let bytes = 0;
    for (let next = this.#waiting.first; next !== undefined; next = this.#waiting.first) {
      const { total } = next.piece;
      const isShort = total <= MAX_BUNDLED_BYTES && total === next.piece.bytes.length;
      bytes += BUNDLED_BYTES + total;
      if (together.length > 0 && (!isShort || bytes > Math.min(MAX_BUNDLE_BYTES, pieceBytes))) break;
      this.#waiting.shift();
      together.push(next);
      if (!isShort) break;
    }
    return together;
  }

  #publishBundle(bundle: readonly Waiting[]): void {
    const { session, now } = this.options;
    this.#sentAt = now();
    let total = 0;
    for (const { piece } of bundle) total += BUNDLED_BYTES + piece.bytes.length;
    const message = Buffer.allocUnsafe(ENVELOPE_BYTES + total);
    writeEnvelope({ kind: Kind.bundle, flags: 0, session, seq: 0, ack: 0, total }, message);
    const view = new DataView(message.buffer, message.byteOffset, message.length);
    let at = ENVELOPE_BYTES;
    for (const { link, piece } of bundle) {
      const own = this.#link(link);
      own.told = own.received;
      piece.sentAt = this.#sentAt;
      at = writeBundled(view, at, link, piece.seq, own.received, piece.bytes);
    }
    this.options.publish(0, message);
  }

  #publish(link: number, piece: Piece): void {
    const { seq, kind, total, bytes, message } = piece;
    const own = this.#link(link);
    piece.sentAt = this.options.now();
    this.#sentAt = piece.sentAt;
    own.told = own.received;
    const envelope = { kind, flags: 0, session: this.options.session, seq, ack: own.received, total };
    if (message !== undefined) writeEnvelope(envelope, message);
    this.options.publish(link === this.control ? 0 : link, message ?? sealed(envelope, bytes));
  }

  /** What the peer, by its own words, has not got. */
  #sendAgain(k: number, link: Link, now: number): void {
    let bytes = 0;
    for (const piece of link.pieces) {
      // what was sent a moment ago is on its way still
      if (Number.isNaN(piece.sentAt) || now - piece.sentAt < GAP_MS || bytes > WINDOW_BYTES) return;
      bytes += piece.bytes.length;
      piece.isAgain = true;
      this.#publish(k, piece);
      this.options.sent.again += ENVELOPE_BYTES + piece.bytes.length;
    }
  }

  #tellGap(): void {
    const now = this.options.now();
    if (now - this.#gapAt < GAP_MS) return;
    this.#gapAt = now;
    this.#sync(Flag.missing);
  }

  #sync(flags: number): void {
    const payload = new Uint8Array(4 * this.#links.length);
    const view = new DataView(payload.buffer);
    for (const [k, link] of this.#links.entries()) {
      view.setUint32(4 * k, link.received, true);
      link.told = link.received;
    }
    this.#arrivedBytes = 0;
    this.#arrivedAt = undefined;
    this.#sentAt = this.options.now();
    const envelope = { kind: Kind.sync, flags, session: this.options.session, seq: 0, ack: 0, total: payload.length };
    this.options.publish(0, sealed(envelope, payload));
    this.options.sent.control += ENVELOPE_BYTES + payload.length;
  }
}

function begun(total: number, payload: Uint8Array, part: keyof Traffic, isForAll: boolean): Partial {
  return { bytes: total > payload.length ? new Uint8Array(total) : payload, part, filled: 0, isForAll };
}

/** @throws ProtocolError */
function fill(partial: Partial, total: number, payload: Uint8Array): void {
  const { bytes, filled } = partial;
  if (bytes.length !== total || filled + payload.length > total || (payload.length === 0 && total > 0)) {
    throw new ProtocolError('the pieces of a message do not fit', { refusal: 'payload' });
  }
  if (bytes !== payload) bytes.set(payload, filled);
  partial.filled += payload.length;
}
