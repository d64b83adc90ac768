import type { FlotillaError, Runtime } from '@flotilla/core';
import type { LinkedServerEnd, MovableServerEnd, ServerEnd } from '@flotilla/protocol';
import type { Traffic } from '@flotilla/protocol/nats';
import type { WorkerHost } from '@flotilla/worker';
import type { Options } from '../run/options.js';
import type { RunPlan } from '../run/plan.js';
import type { Attendance } from './attendance.js';

/** Bytes of the server's connection to a broker. */
export interface BrokerTraffic {
  readonly sent: Traffic;
  readonly received: Traffic;
}

/**
 * The workers of a run, wherever they are, and the server's end of the transport to them: with the checksums of its frames in
 * them, when the plan has any.
 */
export interface Fleet {
  readonly transport: ServerEnd;
  /** Threads that have workers. */
  readonly threads: number;
  /** The transport again, where the server's thread is the first of them, and workers can move from one to another. */
  readonly movable?: MovableServerEnd | undefined;
  /** Memory of what the server draws once with the threads of its process; each for itself when left out. */
  readonly draws?: SharedArrayBuffer | undefined;
  /** The workers themselves, when they run on the calling thread. */
  readonly host?: WorkerHost | undefined;
  /** The transport again, when its frames are stamped: links are paced or modelled. */
  readonly linked: LinkedServerEnd | undefined;
  /** What the transport measures its waits with. */
  readonly runtime: Runtime;
  /** Who is there, where hosts may come and go; where they may not, all are. */
  readonly attendance?: Attendance | undefined;
  /** Bytes to and from the broker; where there is one. */
  broker?(): BrokerTraffic;
  /** The error of a thread that has ended before its time. */
  failure(): FlotillaError | undefined;
  /**
   * @param patienceMs What threads have to end of themselves, before they are terminated; the option `grace` when left out
   * @param isLast Whether hosts that are no part of this process may go: true when left out
   */
  close(patienceMs?: number, isLast?: boolean): Promise<void>;
}

/** Hosts that have been started before it is known what they are to do, so that they load their code meanwhile. */
export interface Hosts {
  /**
   * Gives them a run's workers, and opens the transport to them.
   * @param attempt How often the workers have been started before
   * @param computeSeconds Where each worker writes its seconds in gradients: in shared memory; nowhere when left out
   * @param yieldToEventLoop For hosts that are waited for: lets the event loop run; throws when the wait must end
   */
  open(
    plan: RunPlan,
    attempt: number,
    computeSeconds?: Float64Array,
    yieldToEventLoop?: () => Promise<void>,
  ): Fleet | Promise<Fleet>;
  /** Ends them, whatever they are doing; for hosts that have no fleet, which ends its own. Parameters as {@link Fleet.close} has them. */
  close(patienceMs?: number, isLast?: boolean): Promise<void>;
}

/** A way for frames to travel, by the name that the option `transport` has. */
export interface Transport {
  /** @param note Tells the run's log what is no error, a line each */
  start(options: Options, runtime: Runtime, note: (line: string) => void): Hosts;
}
