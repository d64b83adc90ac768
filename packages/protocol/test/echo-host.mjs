// The host that the transport suite talks to, in plain JavaScript so that a worker thread can run it without a build. Any
// transport's host runs createEchoHost on its end; run as a thread, this file does it for the shared-memory transport.
import { isMainThread, workerData } from 'node:worker_threads';
import { linkHostEnd } from '../dist/transport/linked.js';
import { openThreadEnd } from '../dist/transport/threads.js';

/** Longest wait of a thread: longer than any test, so that one that is not woken is noticed. */
const WAIT_MS = 120_000;

/**
 * Writes to `out` what worker `worker` makes of its `sequence`-th frame. An answer is right only if every byte came to the
 * right worker, once, in order and at its place. A loop and no callback: it runs over megabytes.
 */
export function stamp(frame, worker, sequence, out) {
  const key = 31 * worker + 7 * sequence;
  for (let at = 0; at < frame.length; at++) out[at] = frame[at] ^ (key + at);
}

/** Bytes of the k-th frame that a worker sends unasked. */
export function burst(worker, k, length) {
  const frame = new Uint8Array(length);
  stamp(frame, worker, k, frame);
  return frame;
}

/**
 * Answers each frame with as many bytes, stamped, and each control message with itself. Control messages may ask for more:
 *
 * - `{ sleep }`: do nothing for so many milliseconds after the answer
 * - `{ burst: { worker, count, length } }`: send so many frames of `worker` after the answer
 * - `{ sink: { worker, count } }`: swallow the next frames of `worker`, which hold 0, 1, 2 … as u32, and when all have come
 *   answer with the number of those that were not the next
 * - `{ mirror: ms }`: from now on answer every frame with itself, after so many milliseconds of work
 *
 * @param {import('../dist/transport/transport.js').HostEnd} end
 * @returns {() => void} what handles everything that has arrived
 */
export function createEchoHost(end) {
  const sequences = new Map();
  const sinks = new Map();
  let mirror;
  const pause = new Int32Array(new SharedArrayBuffer(4));

  const send = (worker, frame) => {
    end.claim(worker, frame.length).set(frame);
    end.commit(worker, frame.length);
  };

  const control = (bytes) => {
    end.sendControl(Uint8Array.from(bytes));
    const text = new TextDecoder().decode(bytes);
    if (!text.startsWith('{')) return;
    const order = JSON.parse(text);
    if (order.sleep !== undefined) Atomics.wait(pause, 0, 0, order.sleep);
    if (order.mirror !== undefined) mirror = order.mirror;
    if (order.sink !== undefined) sinks.set(order.sink.worker, { left: order.sink.count, next: 0, wrong: 0 });
    if (order.burst !== undefined) {
      const { worker, count, length } = order.burst;
      for (let k = 0; k < count; k++) send(worker, burst(worker, k, length));
    }
  };

  const swallow = (worker, sink, frame) => {
    const number = new DataView(frame.buffer, frame.byteOffset).getUint32(0, true);
    if (number !== sink.next) sink.wrong++;
    sink.next++;
    sink.left--;
    end.release(worker);
    if (sink.left > 0) return;
    sinks.delete(worker);
    send(worker, new Uint8Array(Uint32Array.of(sink.wrong).buffer));
  };

  const answer = (worker, frame) => {
    const sequence = sequences.get(worker) ?? 0;
    sequences.set(worker, sequence + 1);
    if (mirror === undefined) {
      stamp(frame, worker, sequence, end.claim(worker, frame.length));
      end.commit(worker, frame.length);
    } else {
      for (const until = performance.now() + mirror; performance.now() < until; );
      send(worker, frame);
    }
    end.release(worker);
  };

  return () => {
    for (let bytes = end.takeControl(); bytes !== undefined; bytes = end.takeControl()) control(bytes);
    for (const worker of end.workers) {
      for (let frame = end.take(worker); frame !== undefined; frame = end.take(worker)) {
        const sink = sinks.get(worker);
        if (sink !== undefined) swallow(worker, sink, frame);
        else answer(worker, frame);
      }
    }
  };
}

if (!isMainThread && workerData?.attachment !== undefined) {
  const { attachment, linked } = workerData;
  const opened = openThreadEnd(attachment);
  const end = linked === undefined ? opened : linkHostEnd(opened, linked.links);
  const step = createEchoHost(end);
  while (end.wait(WAIT_MS)) step();
  attachment.port.close();
}
