import type { MessagePort } from 'node:worker_threads';

/** What a thread needs to open its end. Can be posted; `port` must be in the transfer list. */
export interface ThreadAttachment {
  readonly shared: SharedArrayBuffer;
  readonly workers: number;
  readonly threads: number;
  readonly thread: number;
  readonly slotBytes: number;
  /** Milliseconds that the thread may look for the next round before it sleeps; 0 where there are more threads than cores. */
  readonly watchMs: number;
  readonly port: MessagePort;
}

/** Share `rank` of `of` shares of the workers, `first` to `end` − 1: contiguous blocks whose sizes differ by at most one. */
export function shareOf(workers: number, rank: number, of: number): { readonly first: number; readonly end: number } {
  return { first: Math.floor((rank * workers) / of), end: Math.floor(((rank + 1) * workers) / of) };
}

/** The workers of a thread: its share, as long as none has moved. */
export function hosted(workers: number, threads: number, thread: number): number[] {
  const { first, end } = shareOf(workers, thread, threads);
  return Array.from({ length: end - first }, (_, k) => first + k);
}
