import { UsageError } from '@flotilla/core';

/** What a run may be called on a broker: a piece of a subject. */
const RUN = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * The subjects of a run. A host of workers 4 and 5 needs no more than these: publish `join`, `up.4`, `up.5`; subscribe `offer`, `all`,
 * `down.4`, `down.5`. The server: publish `offer`, `all`, `down.*`; subscribe `join`, `up.*`.
 */
export function subjectsOf(run: string) {
  if (!RUN.test(run)) {
    throw new UsageError(`run ${JSON.stringify(run)} must be 1 to 64 letters, digits, - or _`);
  }
  const root = `flotilla.${run}`;
  return {
    /** Hosts say that they are there. */
    join: `${root}.join`,
    /** What the run is, for hosts that want to join; and that it is over. */
    offer: `${root}.offer`,
    /** From the server to all workers at once. */
    all: `${root}.all`,
    /** From the server to one worker. */
    down: (worker: number | '*') => `${root}.down.${worker}`,
    /** From one worker to the server. */
    up: (worker: number | '*') => `${root}.up.${worker}`,
  };
}

/** The worker that a subject is of. */
export function workerOf(subject: string): number {
  return Number(subject.slice(subject.lastIndexOf('.') + 1));
}
