import { FlotillaError } from '@flotilla/core';
import { packControl, type ServerEnd, unpackControl } from '@flotilla/protocol';
import type { HostRange } from '@flotilla/protocol/nats';

/** A host that has come while the run goes on. */
interface Newcomer extends HostRange {
  /** What it has been sent, and not answered yet. */
  asked: 'nothing' | 'configure' | 'begin';
}

/** What a host must be told before its workers can take part. */
interface Introduction {
  readonly configure: Uint8Array;
  readonly begin: Uint8Array;
}

/**
 * Which workers of a run are there, where hosts may come and go. It changes between two looks of the server at its hosts: who has
 * come takes part from the next round on, who is gone is not waited for.
 */
export class Attendance {
  /** Hosts whose workers take part, by number. */
  readonly #hosts = new Map<number, HostRange>();
  readonly #newcomers = new Map<number, Newcomer>();
  readonly #away: Set<number>;
  /** The round that each worker has taken part from. */
  readonly #since: Float64Array;
  #introduction: Introduction | undefined;
  /** How often somebody has come or gone. */
  changes = 0;
  /** The fewest workers that were there at once. */
  #fewest: number;

  constructor(
    private readonly end: ServerEnd,
    hosts: readonly HostRange[],
    /** m, workers that must be there. */
    private readonly least: number,
    private readonly note: (line: string) => void,
  ) {
    this.#away = new Set(Array.from({ length: end.workers }, (_, worker) => worker));
    this.#since = new Float64Array(end.workers);
    for (const [number, host] of hosts.entries()) this.#enter(number, host, 0);
    this.#fewest = this.present;
  }

  /** What there is to say at the end. */
  get summary(): { readonly changes: number; readonly least: number } {
    return { changes: this.changes, least: this.#fewest };
  }

  /** Workers that are there. */
  get present(): number {
    return this.end.workers - this.#away.size;
  }

  /** Numbers of the hosts whose workers are. */
  get hosts(): readonly number[] {
    return [...this.#hosts.keys()];
  }

  isAway(worker: number): boolean {
    return this.#away.has(worker);
  }

  /**
   * The round that it takes part from. Evaluations are asked of whoever hears it: what a worker answers to those before, while
   * its host gets ready, is nobody's.
   */
  since(worker: number): number {
    return this.#since[worker] as number;
  }

  /** From now on hosts that come are told this, and take part. */
  admitWith(introduction: Introduction): void {
    this.#introduction = introduction;
  }

  /** A host has come. */
  joined(number: number, host: HostRange): void {
    this.#newcomers.set(number, { ...host, asked: 'nothing' });
  }

  /** A host has gone. @throws FlotillaError `worker-lost` when too few workers are left */
  left(number: number, reason: FlotillaError): void {
    this.#newcomers.delete(number);
    const host = this.#hosts.get(number);
    if (host === undefined) return;
    this.#hosts.delete(number);
    for (let k = 0; k < host.workers; k++) this.#away.add(host.first + k);
    this.changes++;
    this.#fewest = Math.min(this.#fewest, this.present);
    // before there is a round, nobody could be told how to go on
    if (this.#introduction === undefined) throw reason;
    if (this.present < this.least) {
      const what = `${this.present} of ${this.end.workers} workers are left, and the run needs ${this.least}`;
      throw new FlotillaError('worker-lost', `${reason.message}; ${what}`, { cause: reason });
    }
    this.note(`${reason.message}; the run goes on with ${this.present} of ${this.end.workers} workers`);
  }

  /** Lets in who is ready, from this round on. Between two rounds; waits for nobody. */
  settle(round: number): void {
    const introduction = this.#introduction;
    if (introduction === undefined) return;
    for (const [number, newcomer] of this.#newcomers) {
      if (newcomer.asked === 'nothing') {
        newcomer.asked = 'configure';
        this.end.sendControl(number, introduction.configure);
        continue;
      }
      const answer = this.end.receiveControl(number, 0);
      if (answer === undefined) continue;
      const { type } = unpackControl(answer);
      if (type === 'ready' && newcomer.asked === 'configure') {
        newcomer.asked = 'begin';
        this.end.sendControl(number, introduction.begin);
      } else if (type === 'begun' && newcomer.asked === 'begin') {
        this.#newcomers.delete(number);
        this.#enter(number, newcomer, round);
        this.changes++;
        this.note(`a host has come; ${this.present} of ${this.end.workers} workers are there`);
      } else {
        this.#newcomers.delete(number);
        this.note(`a host that has come could not begin, and is left out: it answered ${type}`);
      }
    }
  }

  #enter(number: number, host: HostRange, round: number): void {
    this.#hosts.set(number, host);
    for (let worker = host.first; worker < host.first + host.workers; worker++) {
      // what another host has left there is nobody's any more
      while (this.end.receive(worker, 0) !== undefined) this.end.release(worker);
      this.#since[worker] = round;
      this.#away.delete(worker);
    }
  }
}

/** What {@link Attendance.admitWith} takes. */
export const introductionOf = (
  configure: Parameters<typeof packControl>[0],
  begin: Parameters<typeof packControl>[0],
): Introduction => ({ configure: packControl(configure), begin: packControl(begin) });
