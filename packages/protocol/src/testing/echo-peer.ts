import { expect } from 'vitest';
import type { ServerEnd } from '../transport/transport.js';
import { stamp } from './echo-host.js';

/** Longest wait for a frame that is on its way. Far above what a loaded machine takes, far below a lost wake-up. */
export const ARRIVAL_MS = 10_000;

/** The server's side of the echo: knows what each worker has been sent, and so what it must answer. */
export class EchoPeer {
  /** By worker: frames it has been sent so far, and the answers that are due. */
  readonly #workers: { sent: number; readonly due: Uint8Array[] }[];

  constructor(private readonly server: ServerEnd) {
    this.#workers = Array.from({ length: server.workers }, () => ({ sent: 0, due: [] }));
  }

  send(worker: number, frame: Uint8Array, claimed = frame.length): void {
    this.server.claim(worker, claimed).set(frame);
    this.server.commit(worker, frame.length);
    this.sent(worker, frame);
  }

  broadcast(frame: Uint8Array, claimed = frame.length): void {
    this.server.claimBroadcast(claimed).set(frame);
    this.server.commitBroadcast(frame.length);
    this.broadcasted(frame);
  }

  /** Expects the answer to a frame that was sent by hand. */
  sent(worker: number, frame: Uint8Array): void {
    const one = this.#of(worker);
    const answer = new Uint8Array(frame.length);
    stamp(frame, worker, one.sent++, answer);
    one.due.push(answer);
  }

  broadcasted(frame: Uint8Array): void {
    for (let worker = 0; worker < this.server.workers; worker++) this.sent(worker, frame);
  }

  unanswered(worker: number): number {
    return this.#of(worker).due.length;
  }

  mostUnanswered(): number {
    return Math.max(...this.#workers.map(({ due }) => due.length));
  }

  /** Receives the next answer of a worker and compares it. */
  receive(worker: number): void {
    const expected = this.#of(worker).due.shift();
    const frame = this.server.receive(worker, ARRIVAL_MS);
    if (frame === undefined) throw new Error(`no answer of worker ${worker} within ${ARRIVAL_MS} ms`);
    // much faster than toEqual, which is only asked for its message
    if (expected === undefined || Buffer.compare(frame, expected) !== 0) {
      expect({ worker, ...summary(frame) }).toEqual({ worker, ...summary(expected) });
    }
    this.server.release(worker);
  }

  /** Receives the next control message of a host and compares it. */
  receiveControl(host: number, expected: Uint8Array): void {
    const message = this.server.receiveControl(host, ARRIVAL_MS);
    if (message === undefined || Buffer.compare(message, expected) !== 0) {
      expect({ host, ...summary(message) }).toEqual({ host, ...summary(expected) });
    }
  }

  /**
   * Receives all answers that are due, the oldest of each worker first: a host with two unread answers of one worker and a
   * third to send waits, and its other workers with it.
   */
  receiveAll(): void {
    while (this.mostUnanswered() > 0) {
      for (let worker = 0; worker < this.server.workers; worker++) {
        if (this.unanswered(worker) > 0) this.receive(worker);
      }
    }
  }

  /** Expects that nothing more comes: an answer that was one too many would be there by now. */
  expectSilence(): void {
    for (let worker = 0; worker < this.server.workers; worker++) {
      expect(this.unanswered(worker)).toBe(0);
      expect(this.server.receive(worker, 0)).toBeUndefined();
    }
    for (let host = 0; host < this.server.hosts; host++) expect(this.server.receiveControl(host, 0)).toBeUndefined();
  }

  /** Makes every host do nothing for a while, so that frames stay unread. */
  pauseHosts(ms: number): void {
    const order = encode({ sleep: ms });
    for (let host = 0; host < this.server.hosts; host++) this.server.sendControl(host, order);
    for (let host = 0; host < this.server.hosts; host++) {
      this.receiveControl(host, order);
    }
  }

  #of(worker: number) {
    const one = this.#workers[worker];
    if (one === undefined) throw new Error(`there is no worker ${worker}`);
    return one;
  }
}

let patterns = 0;

/** Bytes that no other pattern begins with. */
export function pattern(length: number): Uint8Array {
  const frame = new Uint8Array(length);
  let word = Math.imul(++patterns, 0x9e3779b1);
  for (let at = 0; at < length; at++) {
    word = (Math.imul(word, 1664525) + 1013904223) | 0;
    frame[at] = word >>> 24;
  }
  return frame;
}

/** What a failed comparison shows of a frame. */
function summary(frame: Uint8Array | undefined) {
  return {
    length: frame?.length,
    begin: frame && Buffer.from(frame.subarray(0, 32)).toString('hex'),
    frame: frame && hash(frame),
  };
}

function hash(frame: Uint8Array): number {
  let h = 0;
  for (const byte of frame) h = (Math.imul(h, 31) + byte) | 0;
  return h;
}

export function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
}
