import type { MessagePort } from 'node:worker_threads';

/** What a thread needs to open its end. Can be posted; `port` must be in the transfer list. */
export interface ThreadAttachment {
  readonly shared: SharedArrayBuffer;
  readonly workers: number;
  readonly threads: number;
  readonly thread: number;
  readonly slotBytes: number;
  readonly port: MessagePort;
}

/** The workers of a thread: contiguous blocks whose sizes differ by at most one. */
export function hosted(workers: number, threads: number, thread: number): number[] {
  const first = Math.floor((thread * workers) / threads);
  const end = Math.floor(((thread + 1) * workers) / threads);
  return Array.from({ length: end - first }, (_, k) => first + k);
}
