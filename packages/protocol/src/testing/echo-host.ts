import type { Runtime } from '@flotilla/core';
import { getU32 } from '@flotilla/core/internal';
import type { HostEnd } from '../transport/transport.js';

// The host that the transport suite talks to. Any transport's host runs createEchoHost on its end.

/**
 * Writes to `out` what worker `worker` makes of its `sequence`-th frame. An answer is right only if every byte came to the
 * right worker, once, in order and at its place. A loop and no callback: it runs over megabytes.
 */
export function stamp(frame: Uint8Array, worker: number, sequence: number, out: Uint8Array): void {
  const key = 31 * worker + 7 * sequence;
  for (let at = 0; at < frame.length; at++) out[at] = (frame[at] as number) ^ (key + at);
}

/** Bytes of the k-th frame that a worker sends unasked. */
export function burst(worker: number, k: number, length: number): Uint8Array {
  const frame = new Uint8Array(length);
  stamp(frame, worker, k, frame);
  return frame;
}

/** What a control message, as JSON, may ask an echo host for. */
export interface EchoOrder {
  /** Do nothing for so many milliseconds after the answer. */
  readonly sleep?: number;
  /** Send so many frames of a worker after the answer. */
  readonly burst?: { readonly worker: number; readonly count: number; readonly length: number };
  /**
   * Swallow the next frames of a worker, which hold 0, 1, 2 … as u32, and when all have come answer with the number of those
   * that were not the next.
   */
  readonly sink?: { readonly worker: number; readonly count: number };
  /** From now on answer every frame with itself, after so many milliseconds of work. */
  readonly delay?: number;
}

/**
 * Answers each frame with as many bytes, stamped, and each control message with itself; one that is an {@link EchoOrder} is
 * obeyed too.
 * @returns what handles everything that has arrived
 */
export function createEchoHost(end: HostEnd, runtime: Runtime): () => void {
  const sequences = new Map<number, number>();
  const sinks = new Map<number, { left: number; next: number; wrong: number }>();
  let delay: number | undefined;

  const send = (worker: number, frame: Uint8Array) => {
    end.claim(worker, frame.length).set(frame);
    end.commit(worker, frame.length);
  };

  const control = (bytes: Uint8Array) => {
    end.sendControl(Uint8Array.from(bytes));
    const text = new TextDecoder().decode(bytes);
    if (!text.startsWith('{')) return;
    const order = JSON.parse(text) as EchoOrder;
    if (order.sleep !== undefined) runtime.block(order.sleep);
    if (order.delay !== undefined) delay = order.delay;
    if (order.sink !== undefined) sinks.set(order.sink.worker, { left: order.sink.count, next: 0, wrong: 0 });
    if (order.burst !== undefined) {
      const { worker, count, length } = order.burst;
      for (let k = 0; k < count; k++) send(worker, burst(worker, k, length));
    }
  };

  /** Counts a frame that is swallowed. */
  const swallow = (worker: number, frame: Uint8Array, sink: { left: number; next: number; wrong: number }) => {
    if (getU32(frame, 0) !== sink.next) sink.wrong++;
    sink.next++;
    sink.left--;
    end.release(worker);
    if (sink.left > 0) return;
    sinks.delete(worker);
    send(worker, new Uint8Array(Uint32Array.of(sink.wrong).buffer));
  };

  const answer = (worker: number, frame: Uint8Array) => {
    const sequence = sequences.get(worker) ?? 0;
    sequences.set(worker, sequence + 1);
    if (delay === undefined) {
      stamp(frame, worker, sequence, end.claim(worker, frame.length));
      end.commit(worker, frame.length);
    } else {
      // the thread is in the way of its other workers, as it is when it computes
      runtime.block(delay);
      send(worker, frame);
    }
    end.release(worker);
  };

  return () => {
    for (let bytes = end.takeControl(); bytes !== undefined; bytes = end.takeControl()) control(bytes);
    for (const worker of end.workers) {
      for (let frame = end.take(worker); frame !== undefined; frame = end.take(worker)) {
        const sink = sinks.get(worker);
        if (sink !== undefined) swallow(worker, frame, sink);
        else answer(worker, frame);
      }
    }
  };
}
