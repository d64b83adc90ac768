import type { KeyedRandom } from '@flotilla/core';
import { Link, type LinkModelSpec, linksOf } from './link.js';
import type { LinkedServerEnd } from './linked.js';

/** One run over one choice of links. All times in milliseconds of a clock that starts at 0 with the run's first round. */
interface Scenario {
  readonly spec: LinkModelSpec;
  readonly links: readonly Link[];
  /** When each worker's last downlink arrives, or it has answered the one before. */
  readonly ready: Float64Array;
  now: number;
}

/**
 * What the round clock would show if the links had a rate: the arithmetic of paced links, without the waiting. Told of every
 * frame as the server sends or receives it, in order.
 *
 *   arrival of a frame = max(link free, handed over) + bytes · 8 / rate + latency
 *   a worker answers   = max(downlink's arrival, its last answer) + its work, as if it had a core of its own
 *   the server goes on = max(uplink's arrival, where it was), uplinks in worker order, and its own work between
 *
 * Work is what was measured, or what the spec says instead. Several links can be modelled beside one run.
 */
export class LinkModel {
  readonly #scenarios: readonly Scenario[];
  /** When the server began the work that has not been counted yet. */
  #from = 0;

  constructor(
    specs: readonly LinkModelSpec[],
    private readonly end: Pick<LinkedServerEnd, 'workOf'>,
    workers: number,
    random: KeyedRandom,
  ) {
    this.#scenarios = specs.map((spec) => {
      const links = linksOf(spec, workers, random);
      return {
        spec,
        links: Array.from({ length: workers }, (_, worker) => new Link(links, worker)),
        ready: new Float64Array(workers),
        now: 0,
      };
    });
  }

  /** Seconds of rounds so far, for each of the specs. */
  get seconds(): number[] {
    return this.#scenarios.map(({ now }) => now / 1000);
  }

  /** A round begins. */
  begin(): void {
    for (const one of this.#scenarios) one.now += one.spec.server ?? 0;
    this.#from = performance.now();
  }

  /** The server hands over a frame of `bytes` bytes. */
  sent(worker: number, bytes: number): void {
    this.worked();
    for (const { links, ready, now } of this.#scenarios) {
      ready[worker] = Math.max(ready[worker] as number, (links[worker] as Link).arrival('down', bytes, now));
    }
  }

  /** The server's work up to here: it waits for a frame now, or the round has ended. */
  worked(): void {
    const at = performance.now();
    for (const one of this.#scenarios) if (one.spec.server === undefined) one.now += at - this.#from;
    this.#from = at;
  }

  /** The wait is over: `worker`'s frame of `bytes` bytes has come. */
  received(worker: number, bytes: number): void {
    const work = this.end.workOf(worker);
    for (const one of this.#scenarios) {
      const answered = (one.ready[worker] as number) + (one.spec.compute ?? work);
      one.ready[worker] = answered;
      one.now = Math.max(one.now, (one.links[worker] as Link).arrival('up', bytes, answered));
    }
    this.#from = performance.now();
  }
}
