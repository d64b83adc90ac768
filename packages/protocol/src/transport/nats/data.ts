import { createHash } from 'node:crypto';
import { FlotillaError } from '@flotilla/core';
import type { Offer } from './handshake.js';

/** Bytes that are sent for one question. */
export const BATCH_BYTES = 4 << 20;
/** Without a byte for so long it is asked for again; after so long without one the host gives up. */
const ASK_AGAIN_MS = 1000;
const GIVE_UP_MS = 30_000;
/** How often the whole may be asked for by one host, what was lost included; and hosts that are answered. */
const TIMES = 8;
const MAX_HOSTS = 10_000;

/** Data on their way to a host: bytes come in order, or are asked for again. */
export class Download {
  readonly #bytes: Uint8Array;
  #filled = 0;
  #due = 0;
  #heardAt: number;
  #askedAt = Number.NEGATIVE_INFINITY;
  readonly done: Promise<Uint8Array>;
  #resolve: (bytes: Uint8Array) => void = () => undefined;
  #reject: (error: FlotillaError) => void = () => undefined;

  constructor(
    private readonly data: NonNullable<Offer['data']>,
    private readonly ask: (from: number) => void,
    private readonly now: () => number,
  ) {
    this.#bytes = new Uint8Array(data.bytes);
    this.#heardAt = now();
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.tick();
  }

  arrived(from: number, piece: Uint8Array): void {
    if (from !== this.#filled || piece.length === 0 || from + piece.length > this.#bytes.length) return;
    this.#bytes.set(piece, from);
    this.#filled += piece.length;
    this.#heardAt = this.now();
    if (this.#filled === this.#bytes.length) this.#check();
    else if (this.#filled >= this.#due) this.#ask();
  }

  /** To be called several times a second. */
  tick(): void {
    const now = this.now();
    if (now - this.#heardAt > GIVE_UP_MS) this.fail('the server does not send its data');
    else if (now - Math.max(this.#heardAt, this.#askedAt) > ASK_AGAIN_MS || this.#due === 0) this.#ask();
  }

  fail(reason: string): void {
    this.#reject(new FlotillaError('io', reason));
  }

  #ask(): void {
    this.#due = Math.min(this.#bytes.length, this.#filled + BATCH_BYTES);
    this.#askedAt = this.now();
    this.ask(this.#filled);
  }

  #check(): void {
    const found = createHash('sha256').update(this.#bytes).digest('hex');
    if (found === this.data.sha256) this.#resolve(this.#bytes);
    else this.fail('the data that the server has sent are not those of its offer');
  }
}

/** Data that hosts may ask for: each as often as losses may need, and no more. */
export class Upload {
  readonly #left = new Map<string, number>();

  /** @param read Bytes of the data, from one on. */
  constructor(
    private readonly bytes: number,
    private readonly read: (from: number, length: number) => Uint8Array,
  ) {}

  /** The pieces that follow byte `from`, with where they begin; none for what there is not, or for who has had enough. */
  *pieces(host: string, from: number, pieceBytes: number): Generator<{ from: number; piece: Uint8Array }> {
    const end = Math.min(this.bytes, from + BATCH_BYTES);
    const before = this.#left.get(host) ?? (this.#left.size < MAX_HOSTS ? TIMES * this.bytes : 0);
    const left = before - (end - from);
    if (from >= end || left < 0) return;
    this.#left.set(host, left);
    for (let at = from; at < end; at += pieceBytes) {
      yield { from: at, piece: this.read(at, Math.min(pieceBytes, end - at)) };
    }
  }
}
