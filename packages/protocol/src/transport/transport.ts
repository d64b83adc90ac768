/**
 * The server's end of a transport to n workers on some hosts. It moves frames it cannot read. Frames to one worker arrive
 * whole, once and in order. A worker that has two unread answers waits with the next until the server has read one; the server
 * never waits for a worker's reading: frames that find no room at the worker are kept on this side until they do.
 *
 * Sending is claim → write → commit, so that a frame is written once, where it will be read. What `claim` and `receive`
 * return is valid until the matching `commit` or `release`.
 */
export interface ServerEnd {
  readonly workers: number;
  readonly hosts: number;
  /** Room for a frame of up to `bytes` bytes to `worker`. */
  claim(worker: number, bytes: number): Uint8Array;
  /** Sends the first `length` bytes of the claimed room. */
  commit(worker: number, length: number): void;
  /** Room for one frame that goes to every worker; written once where all have room, which is waited for: for 50 ms at most. */
  claimBroadcast(bytes: number): Uint8Array;
  commitBroadcast(length: number): void;
  /**
   * Waits up to `timeoutMs` until no worker has more than `maxBytes` of frames kept for it here. One that has, when the time is
   * over.
   */
  lagging(maxBytes: number, timeoutMs: number): number | undefined;
  /** Wakes the hosts that have something to do. Nothing needs to be delivered before. */
  flush(): void;
  /** The next frame from `worker`, waiting up to `timeoutMs`; undefined when none came. */
  receive(worker: number, timeoutMs: number): Uint8Array | undefined;
  release(worker: number): void;
  sendControl(host: number, message: Uint8Array): void;
  receiveControl(host: number, timeoutMs: number): Uint8Array | undefined;
  /** Blocks the caller for `ms` milliseconds. A host on the calling thread goes on meanwhile. */
  pause(ms: number): void;
  /** Tells the hosts to end, whatever they are doing between frames. */
  close(): void;
  /** Bytes of frames handed over so far, each once for each worker it goes to: what the ledger must agree with. */
  readonly stats: { readonly sentBytes: number; readonly receivedBytes: number };
  /** Microseconds that a host has waited for something new so far, modulo 2³²; 0 for one on the calling thread. */
  waited(host: number): number;
}

/** A host's end: one thread or process with one or more workers. */
export interface HostEnd {
  /** The hosted workers' indices, ascending. */
  readonly workers: readonly number[];
  /** Waits up to `timeoutMs` for something new. False when the server has closed. */
  wait(timeoutMs: number): boolean;
  takeControl(): Uint8Array | undefined;
  sendControl(message: Uint8Array): void;
  /** The next frame for a hosted worker, if there is one. */
  take(worker: number): Uint8Array | undefined;
  release(worker: number): void;
  claim(worker: number, bytes: number): Uint8Array;
  commit(worker: number, length: number): void;
}
