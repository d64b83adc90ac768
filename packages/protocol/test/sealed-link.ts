import { checksumHostEnd, checksumServerEnd, createLoopback, type HostEnd, type ServerEnd } from '../dist/index.js';
import { SimulatedRuntime } from '../dist/testing/index.js';

/** Both ends of a transport with checksums, and what lies below them: bytes can be taken from the link, and put on it. */
export class SealedLink {
  server: ServerEnd;
  readonly #server: ServerEnd;
  readonly #host: HostEnd;
  #sealedHost: HostEnd;

  constructor(
    readonly run = 0x1234_5678,
    readonly workers = 4,
  ) {
    let host: HostEnd | undefined;
    this.#server = createLoopback(
      workers,
      (end) => {
        host = end;
        return () => {};
      },
      new SimulatedRuntime(),
    );
    this.#host = host as unknown as HostEnd;
    this.server = checksumServerEnd(this.#server, run);
    this.#sealedHost = checksumHostEnd(this.#host, { run, workers, attempt: 0 });
  }

  /** All starts again, in another attempt. */
  restart(attempt: number): void {
    this.server = checksumServerEnd(this.#server, this.run, attempt);
    this.#sealedHost = checksumHostEnd(this.#host, { run: this.run, workers: this.workers, attempt });
  }

  /** What travels when the server sends `frame` to `worker`, or to all. */
  sealedDown(frame: Uint8Array, worker: number | 'all'): Uint8Array {
    if (worker === 'all') {
      this.server.claimBroadcast(frame.length).set(frame);
      this.server.commitBroadcast(frame.length);
    } else {
      this.server.claim(worker, frame.length).set(frame);
      this.server.commit(worker, frame.length);
    }
    let sealed = new Uint8Array(0);
    for (let i = 0; i < this.workers; i++) {
      const taken = this.#host.take(i);
      if (taken === undefined) continue;
      sealed = taken.slice();
      this.#host.release(i);
    }
    return sealed;
  }

  /** What travels when `worker` sends `frame` to the server. */
  sealedUp(frame: Uint8Array, worker: number): Uint8Array {
    this.#sealedHost.claim(worker, frame.length).set(frame);
    this.#sealedHost.commit(worker, frame.length);
    const sealed = (this.#server.receive(worker, 0) as Uint8Array).slice();
    this.#server.release(worker);
    return sealed;
  }

  /** The frame that `worker` takes from these bytes. @throws what its end refuses them with, which it has released then */
  openDown(bytes: Uint8Array, worker: number): Uint8Array {
    this.#server.claim(worker, bytes.length).set(bytes);
    this.#server.commit(worker, bytes.length);
    const frame = (this.#sealedHost.take(worker) as Uint8Array).slice();
    this.#sealedHost.release(worker);
    return frame;
  }

  /** The frame that the server receives from `worker` with these bytes. */
  openUp(bytes: Uint8Array, worker: number): Uint8Array {
    this.#host.claim(worker, bytes.length).set(bytes);
    this.#host.commit(worker, bytes.length);
    const frame = (this.server.receive(worker, 0) as Uint8Array).slice();
    this.server.release(worker);
    return frame;
  }
}
