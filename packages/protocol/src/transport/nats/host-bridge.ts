// Long: one class, a host on a broker, from waiting for a run to leaving it.
import { FlotillaError } from '@flotilla/core';
import { asFlotillaError } from '@flotilla/core/internal';
import type { ServerEnd } from '../transport.js';
import { Correspondence } from './correspondence.js';
import { Download } from './data.js';
import { ENVELOPE_BYTES, Kind, unsealed } from './envelope.js';
import { type Handshake, type Identity, type Offer, unpackHandshake } from './handshake.js';
import { longestMessage, MAX_PIECE_BYTES, Peer } from './links.js';
import { ABSENT_MS, BACK, differenceOf, GONE, handshakeIn, SILENT_MS } from './server-bridge.js';
import { subjectsOf, workerOf } from './subjects.js';
import { TRAFFIC_VALUES, trafficIn } from './traffic.js';
import type { Wire } from './wire.js';

const HELLO_MS = 1_000;
const TICK_MS = 50;

/** The threads of this process that have the workers of an attempt. */
export interface LocalWorkers {
  /** Mailboxes to them, numbered from 0; its hosts are the threads. */
  readonly end: ServerEnd;
  rung(): Promise<void>;
  /** Why they have come to an end before their time. */
  failure(): FlotillaError | undefined;
  close(): Promise<void>;
}

/** What a host makes of an offer: the shards of some workers, loaded. */
export interface Prepared {
  readonly first: number;
  readonly workers: number;
  readonly identity: Identity;
  /** A control message of the server as this process understands it. */
  translate(message: Uint8Array): Uint8Array;
  /** Makes one answer of those of several threads to a control message. */
  merge(answers: readonly Uint8Array[]): Uint8Array;
  start(): LocalWorkers;
}

export interface HostBridgeOptions {
  readonly wire: Wire;
  readonly run: string;
  /** What this process is called among the hosts: unlike any other. */
  readonly id: string;
  now(): number;
  note(line: string): void;
  /**
   * Loads what the offer asks for.
   * @param fetch Has the data of the offer sent, for a host whose first worker this is
   * @throws FlotillaError why this host cannot take part
   */
  prepare(offer: Offer, fetch: (worker: number) => Promise<Uint8Array>): Promise<Prepared>;
}

/** A host's side of a run over a broker: waits for the run, takes part in it, attempt by attempt, until it is over. */
export class HostBridge {
  readonly #subjects;
  /** Bytes to the broker and from it; what comes before and between attempts is not told apart. */
  readonly sent = trafficIn(new Float64Array(TRAFFIC_VALUES), 0);
  readonly received = trafficIn(new Float64Array(TRAFFIC_VALUES), 1);
  #offer: Offer | undefined;
  #prepared: Prepared | undefined;
  #peer: Peer | undefined;
  #local: LocalWorkers | undefined;
  #helloAt = Number.NEGATIVE_INFINITY;
  #heardAt: number;
  #connected = true;
  /** A session that this host will have no more to do with. */
  #done: number | undefined;
  #preparing = false;
  #download: { readonly session: number; readonly data: Download } | undefined;
  #flushing = false;
  #ending: ((error?: FlotillaError) => void) | undefined;
  readonly #subscribed = new Set<string>();
  readonly #post: Correspondence;
  #awaitedAnswers: { readonly due: number; readonly answers: Uint8Array[] } | undefined;

  constructor(private readonly options: HostBridgeOptions) {
    this.#subjects = subjectsOf(options.run);
    this.#heardAt = options.now();
    const { wire } = options;
    this.#post = new Correspondence(wire, this.sent, options.note);
    wire.subscribe(this.#subjects.offer, (_, message) => this.#post.guard(() => this.#onOffer(message)));
    wire.subscribe(this.#subjects.all, (_, message) => this.#post.guard(() => this.#onAll(message)));
    wire.onStatus((status) => {
      if (status.type === 'refused') {
        this.#post.noteOnce(`the broker refuses: ${status.what}`);
        return;
      }
      this.#connected = status.type === 'connected';
      this.#heardAt = options.now();
      options.note(this.#connected ? BACK : GONE);
      if (this.#connected) this.#peer?.ask();
    });
  }

  /**
   * Resolves when the run is over, or when the signal fires.
   * @throws FlotillaError for what this host cannot take part in
   */
  async run(signal: AbortSignal): Promise<void> {
    const ticking = setInterval(() => this.#post.guard(() => this.#tick()), TICK_MS);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#ending = (error) => (error === undefined ? resolve() : reject(error));
        signal.addEventListener('abort', () => resolve());
        if (signal.aborted) resolve();
      });
      if (this.#peer !== undefined && signal.aborted) this.#gone('it was told to end');
    } finally {
      clearInterval(ticking);
      this.#download?.data.fail('this host has been told to end');
      await this.#leave();
      await this.options.wire.close();
    }
  }

  #onOffer(message: Uint8Array): void {
    const got = handshakeIn(message);
    if (got?.type === 'over') {
      if (got.session !== this.#offer?.session) return;
      void this.#leave();
      if (got.last) this.#ending?.();
    } else if (got?.type === 'offer') this.#onOffered(got);
  }

  #onOffered(offer: Offer): void {
    if (offer.session === this.#offer?.session) this.#heard();
    else if (offer.session !== this.#done) {
      if (this.#offer !== undefined && this.options.now() - this.#heardAt < ABSENT_MS) {
        this.#post.noteOnce('another server offers a run of this name; this host stays with the one that it has');
        return;
      }
      void this.#leave();
      void this.#prepare(offer);
    }
  }

  async #prepare(offer: Offer): Promise<void> {
    if (this.#preparing) return;
    this.#preparing = true;
    const { id, note, prepare } = this.options;
    const { session } = offer;
    try {
      note(`run ${this.options.run}: loading the data of its workers`);
      const prepared = await prepare(offer, (worker) => this.#fetch(offer, worker));
      const difference = differenceOf(prepared.identity, offer.identity);
      if (difference !== undefined) throw new FlotillaError('usage', difference);
      this.#offer = offer;
      this.#prepared = prepared;
      this.#heardAt = this.options.now();
      const { first, workers } = prepared;
      for (let worker = first; worker < first + workers; worker++) this.#subscribe(worker);
      this.#ready();
    } catch (thrown) {
      const error = asFlotillaError(thrown);
      this.#done = session;
      this.#post.send(this.#subjects.join, {
        type: 'declined',
        host: id,
        session,
        reason: error.message.slice(0, 2000),
      });
      this.#ending?.(error);
    } finally {
      this.#preparing = false;
    }
  }

  /** Has the run's data sent. @throws FlotillaError when they do not come, or are others */
  async #fetch({ session, data }: Offer, worker: number): Promise<Uint8Array> {
    if (data === undefined) throw new FlotillaError('usage', 'the server sends no data');
    this.#subscribe(worker);
    const { id, now } = this.options;
    const ask = (from: number) => this.#post.send(this.#subjects.up(worker), { type: 'want', host: id, session, from });
    const download = new Download(data, ask, now);
    this.#download = { session, data: download };
    try {
      return await download.done;
    } finally {
      this.#download = undefined;
    }
  }

  #subscribe(worker: number): void {
    const subject = this.#subjects.down(worker);
    if (this.#subscribed.has(subject)) return;
    this.#subscribed.add(subject);
    this.options.wire.subscribe(subject, (from, message) =>
      this.#post.guard(() => this.#onDown(workerOf(from), message)),
    );
  }

  #ready(): void {
    const { first, workers, identity } = this.#prepared as Prepared;
    const { session } = this.#offer as Offer;
    this.#helloAt = this.options.now();
    for (let worker = first; worker < first + workers; worker++) {
      this.#post.send(this.#subjects.up(worker), {
        type: 'ready',
        host: this.options.id,
        session,
        first,
        workers,
        identity,
      });
    }
  }

  #onDown(worker: number, message: Uint8Array): void {
    const { envelope, payload } = unsealed(message);
    if (envelope.kind === Kind.handshake) {
      this.#onWord(unpackHandshake(payload));
      return;
    }
    if (envelope.kind === Kind.data) {
      if (envelope.session !== this.#download?.session) return;
      this.received.data += payload.length;
      this.#download.data.arrived(envelope.seq, payload);
      return;
    }
    const peer = this.#peer;
    if (peer === undefined || envelope.session !== this.#offer?.session) return;
    const { first } = this.#prepared as Prepared;
    this.#heard();
    if (envelope.kind === Kind.sync) peer.synced(envelope, payload);
    else if (envelope.kind === Kind.bundle) peer.arrivedBundle(payload);
    else peer.arrived(envelope.kind === Kind.control ? peer.control : worker - first, envelope, payload);
  }

  #onAll(message: Uint8Array): void {
    const { envelope, payload } = unsealed(message);
    if (envelope.kind !== Kind.broadcast || envelope.session !== this.#offer?.session) return;
    this.#heard();
    this.#peer?.arrivedForAll(envelope, payload);
  }

  #onWord(got: Handshake): void {
    if (got.type === 'dropped') this.#onDropped(got);
    if (got.type !== 'start' && got.type !== 'refused') return;
    if (got.host !== this.options.id || got.session !== this.#offer?.session || this.#peer !== undefined) return;
    if (got.type === 'start') this.#start();
    else if (got.forGood) this.#ending?.(new FlotillaError('usage', `the run does not take this host: ${got.reason}`));
    else this.#post.noteOnce(`${got.reason}; waiting until it is free`);
  }

  #onDropped({ host, session }: Extract<Handshake, { type: 'dropped' }>): void {
    if (host !== this.options.id || session !== this.#offer?.session || this.#peer === undefined) return;
    this.options.note('the server has taken this host for lost; it offers itself anew');
    void this.#leave();
  }

  #start(): void {
    if (this.#peer !== undefined) return;
    const { workers, first, start, merge, translate } = this.#prepared as Prepared;
    const { wire, now, note } = this.options;
    const { session, maxFrameBytes } = this.#offer as Offer;
    const local = start();
    this.#local = local;
    this.#heard();
    const peer = new Peer({
      workers,
      session,
      pieceBytes: Math.min(MAX_PIECE_BYTES, wire.maxMessageBytes - ENVELOPE_BYTES),
      maxMessageBytes: longestMessage(maxFrameBytes),
      now,
      sent: this.sent,
      received: this.received,
      publish: (link, message) => wire.publish(this.#subjects.up(first + link), message),
      deliver: (link, bytes) => {
        const { end } = local;
        if (link === workers) this.#control(end, translate(bytes));
        else if (link === 'all') {
          end.claimBroadcast(bytes.length).set(bytes);
          end.commitBroadcast(bytes.length);
        } else {
          end.claim(link, bytes.length).set(bytes);
          end.commit(link, bytes.length);
        }
        this.#flushSoon(end);
      },
    });
    this.#peer = peer;
    note(`run ${this.options.run}: workers ${first} to ${first + workers - 1} take part`);
    void this.#shovel(local, peer, merge);
  }

  /** Wakes the threads once for all frames that came at once. */
  #flushSoon(end: ServerEnd): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      end.flush();
    });
  }

  /** Hands a control message to all threads; their answers become one. */
  #control(end: ServerEnd, bytes: Uint8Array): void {
    for (let thread = 0; thread < end.hosts; thread++) end.sendControl(thread, bytes.slice());
    this.#awaitedAnswers = { due: end.hosts, answers: [] };
  }

  /** What the threads answer travels to the server. */
  async #shovel(local: LocalWorkers, peer: Peer, merge: Prepared['merge']): Promise<void> {
    const { end } = local;
    while (this.#peer === peer) {
      await local.rung();
      if (this.#peer !== peer) return;
      this.#post.guard(() => {
        this.#collectControl(end, peer, merge);
        for (let worker = 0; worker < end.workers; worker++) {
          for (let frame = end.receive(worker, 0); frame !== undefined; frame = end.receive(worker, 0)) {
            peer.send(worker, frame, true);
            end.release(worker);
          }
        }
        peer.flush();
      });
    }
  }

  #collectControl(end: ServerEnd, peer: Peer, merge: Prepared['merge']): void {
    const awaited = this.#awaitedAnswers;
    if (awaited === undefined) return;
    // in the order of threads, which is that of workers
    while (awaited.answers.length < awaited.due) {
      const answer = end.receiveControl(awaited.answers.length, 0);
      if (answer === undefined) return;
      awaited.answers.push(answer);
    }
    this.#awaitedAnswers = undefined;
    peer.send(peer.control, merge(awaited.answers));
  }

  /** This host cannot go on with the attempt. */
  #gone(reason: string): void {
    const { first } = this.#prepared as Prepared;
    const { session } = this.#offer as Offer;
    this.options.note(reason);
    this.#post.send(this.#subjects.up(first), {
      type: 'gone',
      host: this.options.id,
      session,
      reason: reason.slice(0, 2000),
    });
    this.#done = session;
    void this.#leave();
  }

  /** Ends the part that this host has in an attempt; it may take part in the next one. */
  async #leave(): Promise<void> {
    const local = this.#local;
    this.#local = undefined;
    this.#peer = undefined;
    this.#prepared = undefined;
    this.#offer = undefined;
    this.#awaitedAnswers = undefined;
    await local?.close();
  }

  #tick(): void {
    const now = this.options.now();
    const peer = this.#peer;
    if (!this.#connected) return;
    this.#download?.data.tick();
    if (peer !== undefined) {
      if (now - this.#heardAt > SILENT_MS) {
        this.options.note('the server was not heard of for 15 s; waiting for it');
        void this.#leave();
        return;
      }
      const failure = this.#local?.failure();
      if (failure !== undefined) {
        this.#gone(failure.message);
        return;
      }
      peer.tick();
      // what mailboxes had no room for
      this.#local?.end.flush();
    } else if (now - this.#helloAt > HELLO_MS) {
      this.#helloAt = now;
      if (this.#prepared !== undefined) this.#ready();
      if (!this.#preparing) this.#post.send(this.#subjects.join, { type: 'hello', host: this.options.id });
    }
  }

  #heard(): void {
    this.#heardAt = this.options.now();
  }
}
