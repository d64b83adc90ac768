// Long: one suite, everything that only the shared-memory transport does.

import { Worker } from 'node:worker_threads';
import { systemRuntime } from '@flotilla/core';
import { afterEach, describe, expect, it } from 'vitest';
import { EchoPeer, pattern } from '../dist/testing/echo-peer.js';
import { describeTransport } from '../dist/testing/index.js';
import { openOwnEnd, openThreadEnd } from '../dist/transport/threads/host-end.js';
import { Layout, RING, WORD } from '../dist/transport/threads/layout.js';
import { Parcels } from '../dist/transport/threads/parcels.js';
import type { Post } from '../dist/transport/threads/ring.js';
import { createThreadTransport } from '../dist/transport/threads/server-end.js';
import type { HostEnd } from '../dist/transport/transport.js';
import { openThreads } from './echo-threads.js';

for (const threads of [1, 2, 5]) {
  describeTransport(`${threads} thread${threads > 1 ? 's' : ''}`, (options) => openThreads({ ...options, threads }));
}

for (const threads of [1, 2, 3]) {
  describeTransport(`${threads} thread${threads > 1 ? 's' : ''}, the first of which is the server's`, (options) =>
    openThreads({ ...options, threads, own: true }),
  );
}

for (const own of [false, true]) {
  describeTransport(
    `2 threads${own ? ", the first of which is the server's" : ''}, with slots for short frames`,
    (options) => openThreads({ ...options, shortFrameBytes: 40, threads: 2, own }),
  );
}

describe('the shared-memory transport', () => {
  let transport: Awaited<ReturnType<typeof openThreads>> | undefined;

  /** Opens a transport that is closed after the test. */
  async function start(options: Parameters<typeof openThreads>[0]) {
    transport = await openThreads(options);
    return transport;
  }

  afterEach(async () => {
    transport?.server.close();
    await transport?.ended();
    transport = undefined;
  });

  it('hosts every worker once, in contiguous blocks whose sizes differ by at most one', () => {
    for (let workers = 1; workers <= 12; workers++) {
      for (let threads = 1; threads <= 14; threads++) {
        const { server, attachments } = createThreadTransport({ workers, threads, maxFrameBytes: 8 }, systemRuntime);
        const hosted = attachments.map((attachment) => openThreadEnd(attachment, systemRuntime).workers);
        expect(hosted.flat()).toEqual(Array.from({ length: workers }, (_, worker) => worker));
        const sizes = hosted.map((block) => block.length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        expect(server.hosts).toBe(threads);
        server.close();
      }
    }
  });

  it('brings frames to the thread that hosts a worker now, and answers from there', () => {
    // both threads' ends on this one
    let own: HostEnd | undefined;
    const { server, attachments } = createThreadTransport(
      {
        workers: 5,
        threads: 2,
        maxFrameBytes: 64,
        own(end) {
          own = end;
          return () => true;
        },
      },
      systemRuntime,
    );
    const ends = [own as unknown as HostEnd, openThreadEnd(attachments[0], systemRuntime)];
    const whom = () => ends.map((end) => end.takeControl() ?? [...end.workers]);
    expect(whom()).toEqual([
      [0, 1],
      [2, 3, 4],
    ]);
    for (const hosts of [
      [0, 0, 0, 1, 1],
      [1, 1, 1, 1, 1],
      [0, 1, 0, 1, 0],
      [0, 0, 0, 0, 0],
    ]) {
      server.place(hosts);
      for (const [thread, workers] of whom().entries()) {
        expect(workers).toEqual(hosts.flatMap((host, worker) => (host === thread ? [worker] : [])));
      }
      // more than a ring has room for, on either way, and frames that are longer than a slot
      for (const [worker, host] of hosts.entries()) {
        for (const length of [1, 60, 100]) {
          server.claim(worker, length).fill(worker);
          server.commit(worker, length);
        }
        const end = ends[host] as HostEnd;
        const other = ends[1 - host] as HostEnd;
        for (const length of [1, 60, 100]) {
          expect(other.take(worker)).toBeUndefined();
          const frame = end.take(worker) as Uint8Array;
          expect([...frame]).toEqual(Array(length).fill(worker));
          end.claim(worker, length).fill(worker + 1);
          end.release(worker);
          end.commit(worker, length);
          server.lagging(0, 0);
          expect([...(server.receive(worker, 0) as Uint8Array)]).toEqual(Array(length).fill(worker + 1));
          server.release(worker);
        }
      }
    }
    server.close();
  });

  it('hosts whom a message says that have moved as soon as that message is there', () => {
    const layout = new Layout(new SharedArrayBuffer(Layout.bytes(2, 1, 64, 64)), 2, 1, 64, 64, systemRuntime);
    layout.words[layout.ring(1, 0) + RING.host] = 1;
    const message = Uint8Array.of(7);
    let isSent = false;
    // a server that moves worker 1 here and says so while the thread is just looking
    const post: Post = {
      sent: new Set(),
      send: () => undefined,
      close: () => undefined,
      receive() {
        if (isSent) return undefined;
        isSent = true;
        Atomics.store(layout.words, layout.ring(1, 0) + RING.host, 0);
        Atomics.add(layout.words, WORD.moves, 1);
        return { control: message };
      },
    };
    const end = openOwnEnd(layout, 0, post, new Parcels(64));
    expect(end.workers).toEqual([0]);
    expect(end.takeControl()).toBe(message);
    expect(end.workers).toEqual([0, 1]);
  });

  it('gives what a worker of its own thread answers however long that took, and stops between two frames where the time is over', () => {
    const word = new Int32Array(new SharedArrayBuffer(4));
    const { server } = createThreadTransport(
      {
        workers: 3,
        threads: 1,
        maxFrameBytes: 64,
        own: (end) => (until) => {
          for (const worker of end.workers) {
            if (end.take(worker) === undefined) continue;
            Atomics.wait(word, 0, 0, 20);
            end.claim(worker, 1)[0] = 10 + worker;
            end.release(worker);
            end.commit(worker, 1);
            if (systemRuntime.now() >= until) return false;
          }
          return true;
        },
      },
      systemRuntime,
    );
    server.claimBroadcast(1)[0] = 1;
    server.commitBroadcast(1);
    // it has not begun
    expect(server.receive(0, 0)).toBeUndefined();
    // one frame at a time, each of which takes longer than there is
    expect(server.receive(2, 5)).toBeUndefined();
    expect([...(server.receive(0, 0) as Uint8Array)]).toEqual([10]);
    expect(server.receive(1, 0)).toBeUndefined();
    expect([...(server.receive(1, 5) as Uint8Array)]).toEqual([11]);
    expect([...(server.receive(2, 5) as Uint8Array)]).toEqual([12]);
    server.close();
  });

  it('keeps within its share of memory: slots shrink as workers grow', () => {
    const { server, attachments } = createThreadTransport(
      { workers: 10_000, threads: 1, maxFrameBytes: 1 << 30 },
      systemRuntime,
    );
    expect(attachments[0].shared.byteLength).toBeLessThan(260 << 20);
    expect(attachments[0].slotBytes % 64).toBe(0);
    server.close();
  });

  it('has slots for short frames that share no cache line, and reads long answers of its own thread before others are made', () => {
    const workers = 6;
    const order: string[] = [];
    const { server } = createThreadTransport(
      {
        workers,
        threads: 1,
        maxFrameBytes: 5000,
        shortFrameBytes: 65,
        own: (end) => (_, enough) => {
          for (const worker of end.workers) {
            const frame = end.take(worker);
            if (frame === undefined) continue;
            if (enough?.() === true) return false;
            order.push(`answer ${worker}`);
            const length = frame[0];
            end.release(worker);
            end.claim(worker, 20 * length);
            end.commit(worker, 20 * length);
          }
          return true;
        },
      },
      systemRuntime,
    );
    const places = new Set<string>();
    const round = (length: number) => {
      order.length = 0;
      server.claimBroadcast(1)[0] = length;
      server.commitBroadcast(1);
      for (let worker = 0; worker < workers; worker++) {
        const frame = server.receive(worker, 1000) as Uint8Array;
        expect(frame.length).toBe(20 * length);
        expect(frame.byteOffset % 64).toBe(length === 250 ? 16 : 0);
        places.add(`${frame.buffer.byteLength} ${frame.byteOffset}`);
        order.push(`read ${worker}`);
        server.release(worker);
      }
      return [...order];
    };
    const indices = Array.from({ length: workers }, (_, worker) => worker);
    const all = (what: string) => indices.map((worker) => `${what} ${worker}`);
    expect(round(3)).toEqual([...all('answer'), ...all('read')]);
    expect(places.size).toBe(workers);
    places.clear();
    for (let k = 0; k < 3; k++) {
      expect(round(250)).toEqual(indices.flatMap((worker) => [`answer ${worker}`, `read ${worker}`]));
    }
    // all of them in the same parcel, one after the other
    expect(places.size).toBe(1);
    server.close();
  });

  describe('frames that are longer than a slot', () => {
    const LONG = (1 << 20) + 8;

    /** Both ends on this thread, with room for such frames. */
    function open(workers: number, threads = 1) {
      const { server, attachments } = createThreadTransport({ workers, threads, maxFrameBytes: LONG }, systemRuntime);
      return { server, hosts: attachments.map((attachment) => openThreadEnd(attachment, systemRuntime)) };
    }

    it('are hosted in turns, so that those which are answered are soon read', () => {
      const { server, hosts } = open(5, 2);
      expect(hosts.map((host) => [...host.workers])).toEqual([
        [0, 2, 4],
        [1, 3],
      ]);
      server.close();
    });

    it('lie in memory once for all workers, which is used again when all have read it', () => {
      const { server, hosts } = open(3);
      const [host] = hosts as [HostEnd];
      const memory = new Set<unknown>();
      for (let round = 0; round < 4; round++) {
        const room = server.claimBroadcast(LONG);
        memory.add(room.buffer);
        room.fill(round + 1);
        server.commitBroadcast(LONG - round);
        const frames = host.workers.map((worker) => host.take(worker) as Uint8Array);
        for (const frame of frames) {
          // not only the same bytes: who has read one has read the others
          expect(frame).toBe(frames[0]);
          expect([frame.length, frame[0], frame.at(-1)]).toEqual([LONG - round, round + 1, round + 1]);
          expect(frame.byteOffset % 8).toBe(0);
        }
        for (const worker of host.workers) host.release(worker);
      }
      expect(memory.size).toBe(1);
      server.close();
    });

    it('are not written over before the last has read them', () => {
      const { server, hosts } = open(2);
      const [host] = hosts as [HostEnd];
      const send = (value: number) => {
        server.claimBroadcast(LONG).fill(value);
        server.commitBroadcast(LONG);
      };
      send(1);
      host.release(0);
      send(2);
      host.release(0);
      // worker 1 has read none, and worker 0 both
      send(3);
      for (const value of [1, 2, 3]) {
        server.lagging(0, 0);
        expect(host.take(1)?.at(-1)).toBe(value);
        host.release(1);
      }
      server.close();
    });

    it('are answered from memory that is used again, or from more of it where nobody reads', () => {
      const { server, hosts } = open(30);
      const [host] = hosts as [HostEnd];
      const memory = new Set<unknown>();
      const answer = (worker: number, value: number) => {
        const room = host.claim(worker, LONG);
        memory.add(room.buffer);
        room.fill(value);
        host.commit(worker, LONG - 8);
      };
      for (let k = 0; k < 5; k++) {
        answer(0, k);
        const frame = server.receive(0, 0) as Uint8Array;
        expect([frame.length, frame[0], frame.at(-1)]).toEqual([LONG - 8, k, k]);
        server.release(0);
      }
      expect(memory.size).toBe(1);
      // what is claimed and not sent is nobody's
      host.claim(0, LONG);
      for (const worker of host.workers) answer(worker, worker);
      expect(memory.size).toBe(30);
      for (const worker of host.workers) {
        expect(server.receive(worker, 0)?.[7]).toBe(worker);
        server.release(worker);
      }
      server.close();
    });

    it('lie side by side where they are short, and are read in any order', () => {
      const sizes = { maxFrameBytes: 1000, shortFrameBytes: 8 };
      const { server, attachments } = createThreadTransport({ workers: 300, threads: 1, ...sizes }, systemRuntime);
      const host = openThreadEnd(attachments[0], systemRuntime);
      const buffers = new Set<unknown>();
      const places = new Set<string>();
      const answer = (worker: number, value: number) => {
        const room = host.claim(worker, 1000);
        buffers.add(room.buffer);
        places.add(`${[...buffers].indexOf(room.buffer)} ${room.byteOffset}`);
        room.fill(value);
        host.commit(worker, 1000);
      };
      for (let lap = 0; lap < 4; lap++) {
        for (const worker of host.workers) answer(worker, worker + lap);
        for (let k = 0; k < 300; k++) {
          const worker = lap % 2 === 0 ? k : (7 * k) % 300;
          const frame = server.receive(worker, 0) as Uint8Array;
          expect(frame.every((byte) => byte === ((worker + lap) & 255))).toBe(true);
          server.release(worker);
        }
      }
      expect(buffers.size).toBe(1);
      expect(places.size).toBe(300);
      server.close();
    });

    it('are one object for all where they go to all, and one of its own where not, though both lie in the same memory', () => {
      const sizes = { maxFrameBytes: 1000, shortFrameBytes: 8 };
      const { server, attachments } = createThreadTransport({ workers: 2, threads: 1, ...sizes }, systemRuntime);
      const host = openThreadEnd(attachments[0], systemRuntime);
      const take = (worker: number) => {
        const frame = host.take(worker) as Uint8Array;
        const seen = { frame, byte: frame[999], at: frame.byteOffset };
        host.release(worker);
        return seen;
      };
      // a thread that reads while the server still writes to others: another message, where the first one was
      const seen = [0, 1].map((worker) => {
        server.claim(worker, 1000).fill(7 + worker);
        server.commit(worker, 1000);
        return take(worker);
      });
      expect(seen.map(({ byte }) => byte)).toEqual([7, 8]);
      expect(seen[1].at).toBe(seen[0].at);
      expect(seen[1].frame).not.toBe(seen[0].frame);
      // both broadcast slots are taken: the third lies in a parcel
      for (const value of [1, 2]) {
        server.claimBroadcast(1000).fill(value);
        server.commitBroadcast(1000);
      }
      server.claimBroadcast(1000).fill(3);
      server.commitBroadcast(1000);
      for (const value of [1, 2, 3]) {
        server.lagging(0, 0);
        const both = [0, 1].map(take);
        expect(both.map(({ byte }) => byte)).toEqual([value, value]);
        expect(both[0].frame).toBe(both[1].frame);
      }
      server.close();
    });

    it('are in memory that is found again behind what is kept for long', () => {
      const parcels = new Parcels(100);
      const kept = Array.from({ length: 100 }, () => parcels.take() ?? parcels.make());
      let most = 0;
      for (let k = 0; k < 2000; k++) {
        const parcel = parcels.take() ?? parcels.make();
        most = Math.max(most, parcel.id);
        parcel.release();
      }
      expect(new Set(kept.map(({ id }) => id)).size).toBe(100);
      // so many are looked at before another is made
      expect(most).toBeLessThan(100 + 64);
    });

    it('reach a thread that has none of the memory that was made before', () => {
      // two in a block; both of the first go to the other thread
      const sizes = { maxFrameBytes: 200_000, shortFrameBytes: 8 };
      const { server, attachments } = createThreadTransport({ workers: 2, threads: 2, ...sizes }, systemRuntime);
      const [one, other] = attachments.map((attachment) => openThreadEnd(attachment, systemRuntime));
      const send = (worker: number, value: number) => {
        server.claim(worker, 200_000).fill(value);
        server.commit(worker, 200_000);
      };
      for (const value of [1, 2]) send(0, value);
      for (const value of [3, 4]) send(1, value);
      for (const value of [3, 4]) {
        expect(other.take(1)?.every((byte) => byte === value)).toBe(true);
        other.release(1);
      }
      for (const value of [1, 2]) {
        expect(one.take(0)?.every((byte) => byte === value)).toBe(true);
        one.release(0);
      }
      server.close();
    });

    it('are brought whole when they are longer than any that was announced', () => {
      const { server, hosts } = open(1);
      const [host] = hosts as [HostEnd];
      const length = 3 * LONG;
      server.claim(0, length).fill(6);
      server.commit(0, length - 1);
      const frame = host.take(0) as Uint8Array;
      expect([frame.length, frame[0], frame.at(-1)]).toEqual([length - 1, 6, 6]);
      host.release(0);
      host.claim(0, length).fill(7);
      host.commit(0, length);
      expect(server.receive(0, 0)?.at(-1)).toBe(7);
      server.close();
    });
  });

  it('runs threads without a worker', async () => {
    const { server } = await start({ workers: 2, threads: 4, maxFrameBytes: 64 });
    server.claimBroadcast(1)[0] = 9;
    server.commitBroadcast(1);
    server.flush();
    for (const worker of [0, 1]) {
      expect(server.receive(worker, 10_000)?.length).toBe(1);
      server.release(worker);
    }
  });

  /** Orders worker 0's thread to sleep, long enough to find its ring full. */
  async function asleep(workers: number, ms: number) {
    const transport = await start({ workers, threads: workers, maxFrameBytes: 64 });
    const order = new TextEncoder().encode(JSON.stringify({ sleep: ms }));
    transport.server.sendControl(0, order);
    expect(transport.server.receiveControl(0, 10_000)).toEqual(order);
    return transport;
  }

  it('never waits with a frame for a worker that does not read', async () => {
    const { server, shared } = await asleep(2, 1000);
    const peer = new EchoPeer(server);
    // the ring of worker 0 begins behind the fixed line and two bells: sent, taken
    const words = new Int32Array(shared);
    for (let k = 0; k < 5; k++) {
      peer.send(0, pattern(8));
      peer.broadcast(pattern(8));
      server.flush();
      // the other one goes on
      peer.receive(1);
    }
    expect([Atomics.load(words, 48), Atomics.load(words, 49)]).toEqual([2, 0]);
    expect(server.lagging(64, 0)).toBeUndefined();
    expect(server.lagging(63, 0)).toBe(0);
    peer.receiveAll();
    expect(server.lagging(0, 0)).toBeUndefined();
    peer.expectSilence();
  });

  it('waits for workers that lag behind, and is woken when they have caught up', async () => {
    const { server } = await asleep(1, 500);
    const peer = new EchoPeer(server);
    for (let k = 0; k < 4; k++) peer.send(0, pattern(8));
    server.flush();
    expect(server.lagging(8, 10)).toBe(0);
    expect(server.lagging(8, 10_000)).toBeUndefined();
    peer.receiveAll();
  });

  /** Longer than a busy machine keeps a thread from running, shorter than what a lost wake-up takes to be made up. */
  const STALL_MS = 20_000;

  it('never stalls a server that sends as fast as its workers read', async () => {
    const { server, shared } = await start({ workers: 2, threads: 2, maxFrameBytes: 16 });
    const count = 60_000;
    const watch = await watchdog(shared);
    try {
      for (const worker of [0, 1]) {
        const order = new TextEncoder().encode(JSON.stringify({ sink: { worker, count } }));
        server.sendControl(worker, order);
        expect(server.receiveControl(worker, 10_000)).toEqual(order);
      }
      let longest = 0;
      for (let k = 0; k < count && longest < STALL_MS; k++) {
        for (const worker of [0, 1]) {
          const room = server.claim(worker, 4);
          new DataView(room.buffer, room.byteOffset).setUint32(0, k, true);
          server.commit(worker, 4);
        }
        server.flush();
        const from = performance.now();
        expect(server.lagging(0, STALL_MS)).toBeUndefined();
        longest = Math.max(longest, performance.now() - from);
      }
      expect(longest).toBeLessThan(STALL_MS);
      for (const worker of [0, 1]) {
        const wrong = server.receive(worker, 10_000);
        expect(wrong && [...wrong]).toEqual([0, 0, 0, 0]);
        server.release(worker);
      }
    } finally {
      await watch.stop();
    }
  });

  it('never stalls workers that send as fast as the server reads', async () => {
    const { server } = await start({ workers: 2, threads: 2, maxFrameBytes: 16 });
    const count = 60_000;
    for (const worker of [0, 1]) {
      const order = new TextEncoder().encode(JSON.stringify({ burst: { worker, count, length: 4 } }));
      server.sendControl(worker, order);
      expect(server.receiveControl(worker, 10_000)).toEqual(order);
    }
    for (let k = 0; k < count; k++) {
      for (const worker of [0, 1]) {
        if (server.receive(worker, STALL_MS)?.length !== 4) throw new Error(`worker ${worker} stalled at frame ${k}`);
        server.release(worker);
      }
    }
  });
});

/** A thread that rings the server's bell (the first word) every two seconds, so that a lost wake-up ends the test early. */
async function watchdog(shared: SharedArrayBuffer): Promise<{ stop: () => Promise<unknown> }> {
  const code = `
    const { workerData } = require('node:worker_threads');
    const words = new Int32Array(workerData, 0, 1);
    setInterval(() => { Atomics.add(words, 0, 1); Atomics.notify(words, 0); }, 2000);
  `;
  const worker = new Worker(code, { eval: true, workerData: shared, execArgv: [] });
  await new Promise((resolve) => worker.once('online', resolve));
  return { stop: () => worker.terminate() };
}
