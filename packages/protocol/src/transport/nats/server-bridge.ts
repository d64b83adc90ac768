// Long: one class, the server on a broker, from finding hosts to the last message.
import { randomInt } from 'node:crypto';
import { FlotillaError } from '@flotilla/core';
import { asFlotillaError } from '@flotilla/core/internal';
import type { BridgeEnd } from '../threads/bridge-end.js';
import { Correspondence } from './correspondence.js';
import type { Upload } from './data.js';
import { ENVELOPE_BYTES, type Envelope, Kind, sealed, unsealed } from './envelope.js';
import { HOST_BYTES, hostOf, largeIn, markIn, withHost } from './handover.js';
import { type Handshake, type Identity, type Offer, unpackHandshake } from './handshake.js';
import { longestMessage, MAX_PIECE_BYTES, Peer } from './links.js';
import { subjectsOf, workerOf } from './subjects.js';
import { partOf, type Traffic } from './traffic.js';
import type { Wire } from './wire.js';

/** A host that is silent for so long, with the broker there, is lost. */
export const SILENT_MS = 15_000;
/** After so long it may be replaced by another one that says it is ready. */
export const ABSENT_MS = 3_000;
/** A host that is ready says so every second, until it may start. */
const READY_MS = 5_000;
const OFFER_MS = 1_000;
const TICK_MS = 50;
/** A longer broadcast is sent to each worker by itself, as the window lets it: a broker cuts off a reader that 64 MiB wait for. */
const MAX_BROADCAST_BYTES = 32 << 20;

export const GONE = 'the connection to the broker is lost; it is dialled again';
export const BACK = 'the connection to the broker is back';

/** Workers of one host. */
export interface HostRange {
  readonly id: string;
  readonly first: number;
  readonly workers: number;
}

interface Candidate extends HostRange {
  /** Workers on whose subjects it has said that it is ready. */
  readonly proved: Set<number>;
  heardAt: number;
}

interface Joined extends HostRange {
  readonly number: number;
  readonly peer: Peer;
}

/** What happens to hosts while a run goes on. */
export interface HostEvents {
  /** The run cannot go on. */
  lost(error: FlotillaError): void;
  /** A host has come, where one may; it has the next number. */
  joined(number: number, host: HostRange): void;
  /** A host has gone, where one may. */
  left(number: number, reason: FlotillaError): void;
}

interface ServerBridgeOptions {
  readonly wire: Wire;
  readonly run: string;
  readonly workers: number;
  /** Milliseconds. */
  now(): number;
  /** Bytes to the broker and from it. */
  readonly sent: Traffic;
  readonly received: Traffic;
  /** What the log is told, a line each. */
  note(line: string): void;
}

/**
 * The server's side of a run over a broker, on a thread that computes nothing: finds hosts for all workers, then hands on what
 * lies in the mailboxes, both ways.
 */
export class ServerBridge {
  readonly #subjects;
  readonly #candidates = new Map<string, Candidate>();
  #offer: Offer | undefined;
  #offeredAt = Number.NEGATIVE_INFINITY;
  #gathered: ((hosts: readonly HostRange[]) => void) | undefined;
  /** By number; those that have gone keep theirs. */
  #joined: (Joined | undefined)[] = [];
  #byWorker: (Joined | undefined)[] = [];
  #end: BridgeEnd | undefined;
  #events: HostEvents | undefined;
  /** Workers that must be there; where it is not all, hosts come and go. */
  #least: number;
  #connected = true;
  #ticking: NodeJS.Timeout;
  /** By broadcast slot: workers that have not passed what has been published of it. */
  readonly #left = [0, 0];
  /** Broadcasts that no slot has room for, by number. */
  readonly #large = new Map<number, LargeBroadcast>();
  #waking = false;
  #upload: Upload | undefined;
  readonly #post: Correspondence;

  constructor(private readonly options: ServerBridgeOptions) {
    const { wire, run } = options;
    this.#subjects = subjectsOf(run);
    this.#least = options.workers;
    this.#post = new Correspondence(wire, options.sent, options.note);
    wire.subscribe(this.#subjects.join, (_, message) => this.#post.guard(() => this.#onJoin(message)));
    wire.subscribe(this.#subjects.up('*'), (subject, message) =>
      this.#post.guard(() => this.#onUp(workerOf(subject), message)),
    );
    wire.onStatus((status) => {
      if (status.type === 'refused') {
        this.#post.noteOnce(`the broker refuses: ${status.what}`);
        return;
      }
      this.#connected = status.type === 'connected';
      options.note(this.#connected ? BACK : GONE);
      if (!this.#connected) return;
      for (const { peer } of this.#present) {
        peer.heardAt = options.now();
        peer.ask();
      }
    });
    this.#ticking = setInterval(() => this.#post.guard(() => this.#tick()), TICK_MS);
  }

  /** Hosts that have all workers, or `least` of them, between them, in the order of workers, as soon as there are. */
  gather(
    offer: Omit<Offer, 'type' | 'session'>,
    least = this.options.workers,
    upload?: Upload,
  ): Promise<readonly HostRange[]> {
    this.#least = least;
    this.#upload = upload;
    this.#offer = { type: 'offer', session: randomInt(2 ** 32), ...offer };
    this.#candidates.clear();
    this.#publishOffer();
    return new Promise((resolve) => {
      this.#gathered = resolve;
    });
  }

  /** Workers that nobody is ready for. */
  get missing(): readonly number[] {
    const taken = new Set(Array.from(this.#candidates.values()).flatMap(({ proved }) => Array.from(proved)));
    return Array.from({ length: this.options.workers }, (_, worker) => worker).filter((worker) => !taken.has(worker));
  }

  /** Begins: the hosts start, and what is in the mailboxes travels. Ends when the mailboxes are closed. */
  async serve(end: BridgeEnd, hosts: readonly HostRange[], events: HostEvents): Promise<void> {
    const { workers } = this.options;
    this.#end = end;
    this.#events = events;
    this.#byWorker = new Array(workers).fill(undefined);
    for (const host of hosts) this.#join(end, host);
    if (this.#byWorker.filter((host) => host !== undefined).length < this.#least)
      throw new FlotillaError('internal', 'hosts do not have all workers');
    while (await end.rung()) {
      this.#post.guard(() => {
        end.catchUp();
        this.#drain(end);
      });
    }
  }

  get #present(): Joined[] {
    return this.#joined.filter((host): host is Joined => host !== undefined);
  }

  /** Lets a host begin. @returns its number */
  #join(end: BridgeEnd, host: HostRange): number {
    const { wire, now } = this.options;
    const { session, maxFrameBytes } = this.#offer as Offer;
    const pieceBytes = Math.min(MAX_PIECE_BYTES, wire.maxMessageBytes - ENVELOPE_BYTES);
    const number = this.#joined.length;
    const joined = {
      ...host,
      number,
      peer: new Peer({
        workers: host.workers,
        session,
        pieceBytes,
        maxMessageBytes: longestMessage(maxFrameBytes),
        now,
        sent: this.options.sent,
        received: this.options.received,
        publish: (link, message) => wire.publish(this.#subjects.down(host.first + link), message),
        deliver: (link, bytes, isOwn) => {
          if (link === host.workers) end.sendControl(withHost(number, bytes));
          else {
            end.send(host.first + (link as number), bytes, isOwn);
            this.#wakeSoon(end);
          }
        },
      }),
    };
    this.#joined.push(joined);
    this.#byWorker.fill(joined, host.first, host.first + host.workers);
    this.#start(joined);
    return number;
  }

  /** Once for all frames that came at once. */
  #wakeSoon(end: BridgeEnd): void {
    if (this.#waking) return;
    this.#waking = true;
    queueMicrotask(() => {
      this.#waking = false;
      end.wake();
    });
  }

  /** A host is lost: the run goes on without it, or not. */
  #lost(host: Joined, reason: FlotillaError): void {
    if (this.#joined[host.number] !== host) return;
    if (this.#least === this.options.workers) {
      this.#events?.lost(reason);
      return;
    }
    this.#joined[host.number] = undefined;
    this.#byWorker.fill(undefined, host.first, host.first + host.workers);
    const { session } = this.#offer as Offer;
    // if it is there after all, it may come again
    this.#post.send(this.#subjects.down(host.first), { type: 'dropped', host: host.id, session });
    this.#events?.left(host.number, reason);
  }

  /** Tells the hosts that the attempt, and perhaps the run, is over. */
  async close(last: boolean): Promise<void> {
    clearInterval(this.#ticking);
    const session = this.#offer?.session;
    if (session !== undefined) this.#post.send(this.#subjects.offer, { type: 'over', session, last });
    await this.options.wire.close();
  }

  #takeControl(end: BridgeEnd): void {
    for (let control = end.takeControl(); control !== undefined; control = end.takeControl()) {
      const large = largeIn(control);
      if (large !== undefined) {
        const { number, frame } = large;
        this.#large.set(number, { frame, left: this.options.workers, isPublished: false });
        continue;
      }
      const host = this.#joined[hostOf(control)];
      host?.peer.send(host.peer.control, control.subarray(HOST_BYTES));
    }
  }

  /** A worker passes a broadcast that no slot had room for: it is published for all with the first, or sent to each. */
  #passLarge(end: BridgeEnd, number: number, worker: number, host: Joined | undefined): void {
    // it came before its mark
    if (!this.#large.has(number)) this.#takeControl(end);
    const large = this.#large.get(number);
    if (large === undefined) throw new FlotillaError('internal', `broadcast ${number} is missing`);
    const { frame, left } = large;
    if (left === this.options.workers) large.isPublished = this.#publish(frame);
    if (!large.isPublished) host?.peer.send(worker - host.first, frame);
    large.left--;
    if (large.left === 0) this.#large.delete(number);
  }

  /** Publishes what the server has written: once where it goes to all. */
  #drain(end: BridgeEnd): void {
    this.#takeControl(end);
    for (let worker = 0; worker < this.#byWorker.length; worker++) {
      const host = this.#byWorker[worker];
      for (let passing = end.take(worker); passing !== undefined; passing = end.take(worker)) {
        const { frame, broadcast } = passing;
        const large = markIn(frame);
        const isPublished = broadcast !== undefined && (this.#left[broadcast] as number) > 0;
        if (large !== undefined) this.#passLarge(end, large, worker, host);
        else if (isPublished) this.#left[broadcast] = (this.#left[broadcast] as number) - 1;
        else if (broadcast === undefined || !this.#broadcast(end, broadcast, frame)) {
          // nobody has what is for a worker that is away
          host?.peer.send(worker - host.first, frame, true);
        }
        end.release(worker);
      }
    }
    for (const { peer } of this.#present) peer.flush();
  }

  /** Publishes a frame in a slot once, if it goes to all workers and all links have come as far. Whether that was so. */
  #broadcast(end: BridgeEnd, slot: number, frame: Uint8Array): boolean {
    const { workers } = this.options;
    if (end.readers(slot) !== workers || !this.#publish(frame)) return false;
    // this worker passes it now
    this.#left[slot] = workers - 1;
    return true;
  }

  /** Publishes a frame to all, if all links have come as far. Whether that was so. */
  #publish(bytes: Uint8Array): boolean {
    const { wire } = this.options;
    if (bytes.length > MAX_BROADCAST_BYTES) return false;
    const present = this.#present;
    const seq = present[0]?.peer.aligned;
    if (seq === undefined || present.some(({ peer }) => peer.aligned !== seq)) return false;
    const ack = Math.min(...present.map(({ peer }) => peer.receivedByAll));
    const pieceBytes = Math.min(MAX_PIECE_BYTES, wire.maxMessageBytes - ENVELOPE_BYTES);
    const { session } = this.#offer as Offer;
    const pieces: Uint8Array[] = [];
    for (let at = 0, k = 0; at < bytes.length; at += pieceBytes, k++) {
      const envelope = { kind: Kind.broadcast, flags: 0, session, seq: seq + k, ack, total: bytes.length };
      const message = sealed(envelope, bytes.subarray(at, at + pieceBytes));
      wire.publish(this.#subjects.all, message);
      this.options.sent.control += ENVELOPE_BYTES;
      pieces.push(message.subarray(ENVELOPE_BYTES));
    }
    this.options.sent[partOf(bytes) === 'frames' ? 'broadcasts' : 'others'] += bytes.length;
    for (const { peer } of present) peer.broadcast(pieces, ack);
    return true;
  }

  #onJoin(message: Uint8Array): void {
    this.options.received.control += message.length;
    const got = handshakeIn(message);
    if (got?.type === 'hello') this.#publishOffer();
    else if (got?.type === 'declined') this.#post.noteOnce(`host ${got.host} does not take part: ${got.reason}`);
  }

  #onUp(worker: number, message: Uint8Array): void {
    const { received } = this.options;
    let isCounted = false;
    try {
      const { envelope, payload } = unsealed(message);
      const host = this.#byWorker[worker];
      if (envelope.kind !== Kind.handshake && host !== undefined && envelope.session === this.#offer?.session) {
        isCounted = true;
        this.#take(host, worker, envelope, payload);
      } else if (envelope.kind === Kind.handshake) this.#onWord(worker, payload);
    } finally {
      // what is none of the run's
      if (!isCounted) received.control += message.length;
    }
  }

  #onWord(worker: number, payload: Uint8Array): void {
    const got = unpackHandshake(payload);
    if (got.type === 'ready') this.#onReady(worker, got);
    else if (got.type === 'want') this.#onWant(worker, got);
    else if (got.type === 'gone') this.#onGone(worker, got);
  }

  /** Sends a host the next of the data, on the subject of the worker that it asks for. */
  #onWant(worker: number, { host, session, from }: Extract<Handshake, { type: 'want' }>): void {
    const { wire, sent, workers } = this.options;
    const upload = this.#upload;
    if (upload === undefined || session !== this.#offer?.session || worker >= workers) return;
    const pieceBytes = Math.min(MAX_PIECE_BYTES, wire.maxMessageBytes - ENVELOPE_BYTES);
    for (const { from: seq, piece } of upload.pieces(host, from, pieceBytes)) {
      const envelope = { kind: Kind.data, flags: 0, session, seq, ack: 0, total: piece.length };
      wire.publish(this.#subjects.down(worker), sealed(envelope, piece));
      sent.data += piece.length;
      sent.control += ENVELOPE_BYTES;
    }
  }

  #take(host: Joined, worker: number, envelope: Envelope, payload: Uint8Array): void {
    const { peer, first } = host;
    try {
      if (envelope.kind === Kind.sync) peer.synced(envelope, payload);
      else if (envelope.kind === Kind.bundle) peer.arrivedBundle(payload);
      else peer.arrived(envelope.kind === Kind.control ? peer.control : worker - first, envelope, payload);
    } catch (thrown) {
      const { message, refusal } = asFlotillaError(thrown);
      this.#lost(
        host,
        new FlotillaError('protocol', `worker ${worker}: ${message}`, { worker, refusal, cause: thrown }),
      );
    }
  }

  #onReady(worker: number, got: Extract<Handshake, { type: 'ready' }>): void {
    const { host: id, session, first, workers } = got;
    const offer = this.#offer;
    if (offer === undefined || session !== offer.session) return;
    const running = this.#present.find((host) => host.id === id);
    // the word that it may start was lost
    if (running !== undefined) {
      this.#start(running);
      return;
    }
    const refused = this.#whyNot(worker, got, offer);
    if (refused !== undefined) {
      this.#post.noteOnce(`host ${id} is not taken: ${refused.reason}`);
      this.#post.send(this.#subjects.down(worker), { type: 'refused', host: id, session, ...refused });
      return;
    }
    const now = this.options.now();
    const known = this.#candidates.get(id);
    const candidate =
      known?.first === first && known.workers === workers
        ? known
        : { id, first, workers, proved: new Set<number>(), heardAt: now };
    candidate.proved.add(worker);
    candidate.heardAt = now;
    this.#candidates.set(id, candidate);
    this.#settle();
  }

  /** Why a host that is ready cannot have its workers. */
  #whyNot(
    worker: number,
    { host: id, first, workers, identity }: Extract<Handshake, { type: 'ready' }>,
    offer: Offer,
  ): { readonly reason: string; readonly forGood: boolean } | undefined {
    if (worker < first || worker >= first + workers || first + workers > this.options.workers) {
      const reason = `it asks for workers ${first} to ${first + workers - 1}, the run has 0 to ${this.options.workers - 1}`;
      return { reason, forGood: true };
    }
    const difference = differenceOf(identity, offer.identity);
    if (difference !== undefined) return { reason: difference, forGood: true };
    const now = this.options.now();
    const taken = (of: number) => ({ reason: `another host has worker ${of}`, forGood: false });
    const owner = this.#byWorker[worker];
    if (owner !== undefined) {
      // it may have been started again in the place of one that is no more
      if (now - owner.peer.heardAt > ABSENT_MS && this.#connected) this.#silent(owner, now);
      return taken(worker);
    }
    for (const other of this.#candidates.values()) {
      if (other.id === id) continue;
      if (now - other.heardAt > READY_MS) this.#candidates.delete(other.id);
      else if (first < other.first + other.workers && other.first < first + workers)
        return taken(Math.max(first, other.first));
    }
    return undefined;
  }

  /** Ends the search when hosts that are ready have enough workers; later, lets in who is ready. */
  #settle(): void {
    const ready = Array.from(this.#candidates.values()).filter(({ proved, workers }) => proved.size === workers);
    if (this.#end !== undefined && this.#least < this.options.workers) {
      for (const { id, first, workers, heardAt } of ready) {
        this.#candidates.delete(id);
        const isFree = this.#byWorker.slice(first, first + workers).every((owner) => owner === undefined);
        if (!isFree || this.options.now() - heardAt > READY_MS) continue;
        const host = { id, first, workers };
        this.#events?.joined(this.#join(this.#end, host), host);
      }
      return;
    }
    const found = ready.reduce((sum, { workers }) => sum + workers, 0);
    if (found < this.#least || this.#gathered === undefined) return;
    const hosts = ready.map(({ id, first, workers }) => ({ id, first, workers })).sort((a, b) => a.first - b.first);
    for (const { id } of hosts) this.#candidates.delete(id);
    this.#gathered(hosts);
    this.#gathered = undefined;
  }

  #onGone(worker: number, { host: id, session, reason }: Extract<Handshake, { type: 'gone' }>): void {
    const host = this.#byWorker[worker];
    if (session === this.#offer?.session && host?.id === id) {
      this.#lost(host, new FlotillaError('worker-lost', `${nameOf(host)}: ${reason}`));
    } else this.#candidates.delete(id);
  }

  #silent(host: Joined, now: number): void {
    const seconds = ((now - host.peer.heardAt) / 1000).toFixed(0);
    this.#lost(host, new FlotillaError('worker-lost', `${nameOf(host)} was not heard of for ${seconds} s`));
  }

  #start({ id, first }: HostRange): void {
    const { session } = this.#offer as Offer;
    this.#post.send(this.#subjects.down(first), { type: 'start', host: id, session });
  }

  #publishOffer(): void {
    const now = this.options.now();
    if (this.#offer === undefined || now - this.#offeredAt < TICK_MS) return;
    this.#offeredAt = now;
    this.#post.send(this.#subjects.offer, this.#offer);
  }

  #tick(): void {
    const now = this.options.now();
    if (this.#end === undefined) {
      if (now - this.#offeredAt > OFFER_MS) this.#publishOffer();
      return;
    }
    this.#end?.catchUp();
    if (!this.#connected) return;
    for (const host of this.#present) {
      if (now - host.peer.heardAt > SILENT_MS) this.#silent(host, now);
      else host.peer.tick();
    }
  }
}

const nameOf = ({ first, workers }: HostRange) =>
  workers === 1 ? `the host of worker ${first}` : `the host of workers ${first} to ${first + workers - 1}`;

/** What keeps a host out, in one line; undefined when nothing does. */
export function differenceOf(own: Identity, run: Identity): string | undefined {
  if (own.wireVersion !== run.wireVersion)
    return `its wire version is ${own.wireVersion}, the run's is ${run.wireVersion}`;
  if (own.version !== run.version) return `its version of Flotilla is ${own.version}, the run's is ${run.version}`;
  if (own.modules !== run.modules) return "its plug-ins or its problem's module are not those of the run";
  if (own.data !== run.data) return 'its data are not those of the run';
  return own.job === run.job ? undefined : 'its job is not that of the run';
}

/** The handshake in a message; undefined for another one. */
export function handshakeIn(message: Uint8Array): Handshake | undefined {
  const { envelope, payload } = unsealed(message);
  return envelope.kind === Kind.handshake ? unpackHandshake(payload) : undefined;
}

interface LargeBroadcast {
  readonly frame: Uint8Array;
  /** Workers that have not passed it. */
  left: number;
  isPublished: boolean;
}
