import type { MessagePort } from 'node:worker_threads';

/** What a thread needs to open its end. Can be posted; `port` must be in the transfer list. */
export interface ThreadAttachment {
  readonly shared: SharedArrayBuffer;
  readonly workers: number;
  readonly threads: number;
  readonly thread: number;
  /** Workers that it hosts as long as none has moved, ascending. */
  readonly hosted: readonly number[];
  /** Of the longest frame that a slot of one worker, or of all of them, has room for. */
  readonly slotBytes: number;
  readonly broadcastBytes: number;
  /** Of the longest frame that lies in memory which is used again. */
  readonly parcelBytes: number;
  /** Milliseconds that the thread may look for the next round before it sleeps; 0 where there are more threads than cores. */
  readonly watchMs: number;
  readonly port: MessagePort;
}

/** Share `rank` of `of` shares of the workers, `first` to `end` − 1: contiguous blocks whose sizes differ by at most one. */
export function shareOf(workers: number, rank: number, of: number): { readonly first: number; readonly end: number } {
  return { first: Math.floor((rank * workers) / of), end: Math.floor(((rank + 1) * workers) / of) };
}

/**
 * The thread that hosts a worker, as long as none has moved. Equal shares: contiguous, so that the server, which takes answers in worker
 * order, waits for few threads one after the other; or, where frames are long, `inTurns`, so that those which have been answered
 * and not read are few.
 */
export function hostOf(worker: number, workers: number, threads: number, inTurns: boolean): number {
  return inTurns ? worker % threads : Math.floor(((worker + 1) * threads - 1) / workers);
}
