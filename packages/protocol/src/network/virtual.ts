import type { KeyedRandom, Runtime, State } from '@flotilla/core';
import { restoreState, snapshotState } from '@flotilla/core/internal';
import { isCounted } from '../frame.js';
import { type LinkModelSpec, linksOf } from './grammar.js';
import { Link } from './link.js';
import type { LinkedServerEnd } from './paced.js';

/** A server's end beside which virtual clocks run. Tell it where rounds begin and end; what lies between takes no time. */
export interface ModelledServerEnd extends LinkedServerEnd {
  /** A round begins: the server works from here on. */
  beginRound(): void;
  /** The round has ended. */
  endRound(): void;
  /** Seconds of rounds so far, for each of the specs. */
  readonly seconds: number[];
  /** A copy of the clocks, between two rounds. */
  snapshot(): State;
  /** Sets the clocks to what {@link ModelledServerEnd.snapshot} gave. @throws FlotillaError `protocol` for other clocks' */
  restore(state: State): void;
}

/** One run over one choice of links. All times in milliseconds of a clock that starts at 0 with the run's first round. */
interface Scenario {
  readonly spec: LinkModelSpec;
  readonly links: readonly Link[];
  /** When the two directions of each link are free again: down and up of worker 0, of worker 1, … */
  readonly free: Float64Array;
  /** When each worker's last downlink arrives, or it has answered the one before. */
  readonly ready: Float64Array;
  now: number;
}

/**
 * What the round clock would show if the links had a rate: the arithmetic of paced links, without the waiting.
 *
 *   arrival of a frame = max(link free, handed over) + bytes · 8 / rate + latency
 *   a worker answers   = max(downlink's arrival, its last answer) + its work, as if it had a core of its own
 *   the server goes on = max(uplink's arrival, where it was), uplinks in the order of asking, and its own work between
 *
 * Work is what was measured, or what the spec says instead: with both given the clocks are arithmetic alone. Several specs can
 * be modelled beside one run. Frames that the ledger does not count take no time.
 *
 * @param end The server's end whose frames are looked at; all calls go through to it.
 * @param random The run's, which ranges of links are drawn from.
 * @throws UsageError when a list of links names more workers than there are
 */
export function modelLinks(
  end: LinkedServerEnd,
  specs: readonly LinkModelSpec[],
  random: KeyedRandom,
  runtime: Runtime,
): ModelledServerEnd {
  const { workers } = end;
  const scenarios = specs.map((spec): Scenario => {
    const links = linksOf(spec, workers, random, 'linkModel');
    const free = new Float64Array(2 * workers).fill(Number.NEGATIVE_INFINITY);
    return {
      spec,
      links: Array.from({ length: workers }, (_, i) => new Link(links, i, free.subarray(2 * i, 2 * i + 2))),
      free,
      ready: new Float64Array(workers),
      now: 0,
    };
  });
  let inRound = false;
  /** When the server began the work that has not been counted yet. */
  let from = 0;
  /** Whether the server waits for a frame, so that it does not work. */
  let waits = false;
  /** What each worker has been claimed for, and behind the last what has been for all. */
  const rooms: Uint8Array[] = [];
  /** Whether the first unreleased frame of a worker has been counted: it may be looked at again. */
  const seen = new Uint8Array(workers);

  /** The server's work up to here. */
  const worked = () => {
    const at = runtime.now();
    for (const one of scenarios) if (one.spec.server === undefined) one.now += at - from;
    from = at;
  };
  const sent = (worker: number, bytes: number) => {
    for (const { links, ready, now } of scenarios) {
      ready[worker] = Math.max(ready[worker] as number, (links[worker] as Link).arrival('down', bytes, now));
    }
  };
  const received = (worker: number, bytes: number) => {
    const work = end.workOf(worker);
    for (const one of scenarios) {
      const answered = (one.ready[worker] as number) + (one.spec.compute ?? work);
      one.ready[worker] = answered;
      one.now = Math.max(one.now, (one.links[worker] as Link).arrival('up', bytes, answered));
    }
    from = runtime.now();
  };
  const isOnLink = (at: number, length: number) => {
    const room = rooms[at];
    return inRound && room !== undefined && length > 0 && isCounted(room);
  };
  const claimed = (at: number, room: Uint8Array) => {
    rooms[at] = room;
    return room;
  };

  return {
    workers,
    hosts: end.hosts,
    stats: end.stats,
    claim: (worker, bytes) => claimed(worker, end.claim(worker, bytes)),
    commit(worker, length) {
      // the room is the receiver's once it is committed
      const counts = isOnLink(worker, length);
      end.commit(worker, length);
      if (!counts) return;
      worked();
      sent(worker, length);
    },
    claimBroadcast: (bytes) => claimed(workers, end.claimBroadcast(bytes)),
    commitBroadcast(length) {
      const counts = isOnLink(workers, length);
      end.commitBroadcast(length);
      if (!counts) return;
      worked();
      for (let worker = 0; worker < workers; worker++) sent(worker, length);
    },
    lagging: (maxBytes, timeoutMs) => end.lagging(maxBytes, timeoutMs),
    flush: () => end.flush(),
    receive(worker, timeoutMs) {
      if (inRound && !waits && seen[worker] === 0) {
        worked();
        waits = true;
      }
      const frame = end.receive(worker, timeoutMs);
      if (frame === undefined || !inRound || seen[worker] === 1) return frame;
      waits = false;
      seen[worker] = 1;
      if (isCounted(frame)) received(worker, frame.length);
      else from = runtime.now();
      return frame;
    },
    release(worker) {
      seen[worker] = 0;
      end.release(worker);
    },
    beginRound() {
      inRound = true;
      waits = false;
      for (const one of scenarios) one.now += one.spec.server ?? 0;
      from = runtime.now();
    },
    endRound() {
      worked();
      inRound = false;
    },
    get seconds() {
      return scenarios.map(({ now }) => now / 1000);
    },
    snapshot: () => snapshotState(stateOf(scenarios)),
    restore(state) {
      const own = stateOf(scenarios);
      restoreState(own, state);
      // a round that failed has not ended
      inRound = false;
      seen.fill(0);
      for (const [k, one] of scenarios.entries()) one.now = own[`${k}/now`] as number;
    },
    workOf: (worker) => end.workOf(worker),
    waited: (host) => end.waited(host),
    sendControl: (host, message) => end.sendControl(host, message),
    receiveControl: (host, timeoutMs) => end.receiveControl(host, timeoutMs),
    pause: (ms) => end.pause(ms),
    close: () => end.close(),
  };
}

/** The clocks by name; the vectors are the clocks' own. */
function stateOf(scenarios: readonly Scenario[]): State {
  const entries = scenarios.flatMap(({ now, ready, free }, k): [string, State[string]][] => [
    [`${k}/now`, now],
    [`${k}/ready`, ready],
    [`${k}/free`, free],
  ]);
  return Object.fromEntries(entries);
}
