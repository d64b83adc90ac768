import { availableParallelism } from 'node:os';
import type { Runtime } from '@flotilla/core';
import type { HostEnd } from '../transport.js';
import { hosted, type ThreadAttachment } from './attachment.js';
import { ANYBODY, Layout, WORD } from './layout.js';
import { Consumer, PortInbox, type PortMessage, Producer } from './ring.js';

/**
 * A thread that has more to do wakes the server at most this often: a sleep and a wake-up take as long as reading a short
 * uplink, and the server then finds several.
 */
const WAKE_MS = 0.5;
/**
 * How long a thread with a core of its own watches for the next round before it sleeps: about what a sleep and a wake-up
 * take. The server never does; that core is better left to a thread.
 */
const WATCH_MS = 0.03;

/** A thread's end of the mailboxes. Call it on the thread that will use it. */
export function openThreadEnd(attachment: ThreadAttachment, runtime: Runtime): HostEnd {
  const { shared, workers, threads, thread, slotBytes, port } = attachment;
  const layout = new Layout(shared, workers, threads, slotBytes, runtime);
  const inbox = new PortInbox(port);
  const indices = hosted(workers, threads, thread);
  const bell = layout.bell(thread);
  const first = indices[0] ?? 0;
  const consumers = indices.map((worker) => new Consumer(layout, worker, 0, inbox, WORD.serverBell));
  const producers = indices.map((worker) => new Producer(layout, worker, 1, port, bell, WORD.serverBell));
  let seen = 0;
  const last = first + indices.length - 1;
  const watch = threads <= availableParallelism() ? WATCH_MS : 0;
  /** Whether there are commits that the server has not been woken for. */
  let due = false;
  let waited = 0;
  let woken = Number.NEGATIVE_INFINITY;
  const isAwaited = () => {
    const awaited = layout.get(WORD.awaited);
    return (awaited >= first && awaited <= last) || awaited === ANYBODY;
  };
  return {
    workers: indices,
    wait(timeoutMs) {
      if (due && isAwaited()) layout.ringBell(WORD.serverBell);
      due = false;
      const from = runtime.now();
      for (const until = from + watch; layout.get(bell) === seen && runtime.now() < until; );
      Atomics.wait(layout.words, bell, seen, timeoutMs);
      waited += 1000 * (runtime.now() - from);
      Atomics.store(layout.words, layout.waited(thread), waited);
      seen = layout.get(bell);
      return layout.get(WORD.closed) === 0;
    },
    takeControl() {
      inbox.collect();
      return inbox.control.shift();
    },
    sendControl(message) {
      port.postMessage({ control: message } satisfies PortMessage);
      layout.ringBell(WORD.serverBell);
    },
    take: (worker) => consumers[worker - first]?.take(),
    release: (worker) => consumers[worker - first]?.release(),
    claim: (worker, bytes) => (producers[worker - first] as Producer).claim(bytes),
    commit(worker, length) {
      producers[worker - first]?.commit(length);
      due = true;
      if (!isAwaited()) return;
      const now = runtime.now();
      if (now - woken < WAKE_MS) return;
      woken = now;
      due = false;
      layout.ringBell(WORD.serverBell);
    },
  };
}
