import { systemRuntime } from '@flotilla/core';
import { type ErrorRecord, errorRecord } from '@flotilla/core/internal';
import {
  checksumHostEnd,
  type HostEnd,
  type HostSeal,
  type Links,
  linkHostEnd,
  openThreadEnd,
  type ThreadAttachment,
} from '@flotilla/protocol';
import { type HostInput, WorkerHost } from './host.js';
import { loadPlugins } from './plugins.js';

/** What a worker thread is started with. */
export interface ThreadTask extends HostInput {
  readonly attachment: ThreadAttachment;
  /** The number in the run of the first worker of the mailboxes, which count from 0; 0 when left out. */
  readonly first?: number | undefined;
  /** Present when frames are stamped, with the links when they are paced. */
  readonly linked: { readonly links: Links | undefined } | undefined;
  /** Present when frames have checksums. */
  readonly seal: HostSeal | undefined;
  /** Paths of the run's plug-ins. */
  readonly plugins: readonly string[];
  /** The option `problem`, which may be a module's path. */
  readonly problem: string;
}

/** Longest sleep of a thread with nothing to do, before it looks whether the server has closed. */
const WAIT_MS = 1000;

/**
 * Thread entry: hosts workers until the server closes. Run by piscina as one long task, so it may block.
 * @returns why it has ended before, as data, because classes and codes do not survive the way between threads
 */
export default async function serve(task: ThreadTask): Promise<ErrorRecord | undefined> {
  try {
    await host(task);
    return undefined;
  } catch (thrown) {
    return errorRecord(thrown);
  }
}

async function host(task: ThreadTask): Promise<void> {
  const { attachment, first = 0, linked, seal, plugins, problem } = task;
  const registries = await loadPlugins(plugins, problem);
  const opened = numberedFrom(first, openThreadEnd(attachment, systemRuntime));
  const paced = linked === undefined ? opened : linkHostEnd(opened, linked.links, systemRuntime);
  const end = seal === undefined ? paced : checksumHostEnd(paced, seal);
  const workers = new WorkerHost(end, task, registries, systemRuntime);
  while (end.wait(WAIT_MS)) workers.step();
  attachment.port.close();
}

/** The same end, whose workers have other numbers. */
function numberedFrom(first: number, end: HostEnd): HostEnd {
  if (first === 0) return end;
  return {
    ...end,
    workers: end.workers.map((worker) => first + worker),
    take: (worker) => end.take(worker - first),
    release: (worker) => end.release(worker - first),
    claim: (worker, bytes) => end.claim(worker - first, bytes),
    commit: (worker, length) => end.commit(worker - first, length),
  };
}
