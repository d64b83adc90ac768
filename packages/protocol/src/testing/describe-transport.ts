// Long: one suite, the whole contract of a transport.

import { type Runtime, systemRuntime } from '@flotilla/core';
import { putU32 } from '@flotilla/core/internal';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ServerEnd } from '../transport/transport.js';
import { burst } from './echo-host.js';
import { ARRIVAL_MS, EchoPeer, encode, pattern } from './echo-peer.js';

/** A transport whose hosts run {@link createEchoHost} until their `wait` returns false. */
export interface OpenTransport {
  readonly server: ServerEnd;
  /** Resolves when every host has ended. Rejects when one has failed. */
  readonly ended: () => Promise<void>;
  /** What the server's end measures its waits with; the system's when left out. */
  readonly runtime?: Runtime;
}

/** What opens a transport for the suite, anew for each test. */
export type OpenTransportFunction = (options: { workers: number; maxFrameBytes: number }) => Promise<OpenTransport>;

/** What is called at once: a lost wake-up is noticed by the sleep that follows it, a busy machine is not. */
const BOUNDED_MS = 8_000;
/** More than a mebibyte, from where on some transports take another way. */
const LARGE_BYTES = (1 << 20) + 5;

/**
 * The contract of a transport: frames to and from a worker arrive whole, once and in order; control messages likewise;
 * the statistics are exact; closing ends the hosts.
 *
 * @param open Opens a transport with `workers` workers on any number of hosts.
 */
export function describeTransport(name: string, open: OpenTransportFunction, workers = 7): void {
  describe(`${name}: a transport`, () => {
    let transport: OpenTransport;
    let server: ServerEnd;
    let peer: EchoPeer;

    beforeEach(async () => {
      transport = await open({ workers, maxFrameBytes: LARGE_BYTES });
      server = transport.server;
      peer = new EchoPeer(server);
    });

    afterEach(async () => {
      server.close();
      await transport.ended();
    });

    it('knows its workers and hosts', () => {
      expect(server.workers).toBe(workers);
      expect(server.hosts).toBeGreaterThan(0);
    });

    it('brings every frame whole, once and in order to its worker, and the answer back', () => {
      for (let round = 0; round < 30; round++) {
        for (let worker = 0; worker < workers; worker++) peer.send(worker, pattern(1 + round * 37 + worker));
        server.flush();
        for (let worker = 0; worker < workers; worker++) peer.receive(worker);
      }
      peer.expectSilence();
    });

    it('gives the answers in whatever order they are asked for', () => {
      for (let round = 0; round < 10; round++) {
        for (let worker = 0; worker < workers; worker++) peer.send(worker, pattern(64 + worker));
        server.flush();
        for (let k = 0; k < workers; k++) peer.receive((round + workers - k) % workers);
      }
    });

    it('brings a frame to one worker and to no other', () => {
      peer.send(workers - 1, pattern(50));
      server.flush();
      peer.receive(workers - 1);
      peer.expectSilence();
    });

    it('brings a broadcast to every worker', () => {
      for (const length of [8, 9, 1000, 8, 70_000, 0, 8]) {
        peer.broadcast(pattern(length));
        server.flush();
        for (let worker = 0; worker < workers; worker++) peer.receive(worker);
      }
      peer.expectSilence();
    });

    it('brings frames without a payload, and frames without a byte', () => {
      for (const length of [8, 0, 8, 0]) {
        for (let worker = 0; worker < workers; worker++) peer.send(worker, pattern(length));
        server.flush();
        for (let worker = 0; worker < workers; worker++) peer.receive(worker);
      }
      peer.expectSilence();
    });

    it('sends the first bytes of what was claimed', () => {
      // the claim is an upper bound: the length of a compressed message is known when it has been written
      for (const [claimed, length] of [
        [100, 60],
        [64, 0],
        [LARGE_BYTES, LARGE_BYTES - 1000],
        [LARGE_BYTES, 24],
      ] as const) {
        peer.send(0, pattern(length), claimed);
        peer.broadcast(pattern(length), claimed);
        server.flush();
        peer.receive(0);
        for (let worker = 0; worker < workers; worker++) peer.receive(worker);
      }
      peer.expectSilence();
    });

    it('forgets a claim that is not committed', () => {
      // writing a message may throw after its room has been claimed
      server.claim(0, 100).fill(1);
      server.claim(0, LARGE_BYTES).fill(2);
      peer.send(0, pattern(20));
      server.claimBroadcast(100).fill(3);
      peer.broadcast(pattern(30));
      server.flush();
      peer.receive(0);
      for (let worker = 0; worker < workers; worker++) peer.receive(worker);
      peer.expectSilence();
    });

    it('forgets a claim of a large broadcast that is not committed', () => {
      server.claimBroadcast(LARGE_BYTES).fill(4);
      peer.broadcast(pattern(30));
      server.flush();
      for (let worker = 0; worker < workers; worker++) peer.receive(worker);
      peer.expectSilence();
    });

    it('keeps what is claimed for one worker while another worker is written to', () => {
      const first = server.claim(0, 40);
      const frame = pattern(40);
      first.set(frame);
      peer.send(1, pattern(80));
      server.commit(0, 40);
      peer.sent(0, frame);
      server.flush();
      peer.receive(0);
      peer.receive(1);
    });

    it('brings frames of the largest size', () => {
      for (let k = 0; k < 2; k++) peer.send(0, pattern(LARGE_BYTES));
      server.flush();
      for (let k = 0; k < 2; k++) peer.receive(0);
      peer.broadcast(pattern(LARGE_BYTES));
      server.flush();
      for (let worker = 0; worker < workers; worker++) peer.receive(worker);
      // small ones after large ones stay in order, however the large ones travel
      peer.send(0, pattern(LARGE_BYTES - 1));
      peer.send(0, pattern(16));
      server.flush();
      peer.receive(0);
      peer.receive(0);
      peer.expectSilence();
    });

    it('has room for two unread frames a worker, own and broadcast', () => {
      peer.pauseHosts(100);
      for (let worker = 0; worker < workers; worker++) peer.send(worker, pattern(40 + worker));
      for (let worker = 0; worker < workers; worker++) peer.send(worker, pattern(80 + worker));
      server.flush();
      peer.receiveAll();

      peer.pauseHosts(100);
      peer.broadcast(pattern(33));
      peer.broadcast(pattern(34));
      server.flush();
      peer.receiveAll();

      peer.pauseHosts(100);
      peer.broadcast(pattern(LARGE_BYTES));
      for (let worker = 0; worker < workers; worker++) peer.send(worker, pattern(35));
      server.flush();
      peer.receiveAll();
      peer.expectSilence();
    });

    it('takes a third frame when a worker has read one, and keeps the order', () => {
      peer.pauseHosts(300);
      const from = systemRuntime.now();
      for (let k = 0; k < 6; k++) {
        // a host with too many unanswered frames waits for its answers to be read
        if (k >= 4) peer.receive(1);
        peer.send(1, pattern(50 + k));
        server.flush();
      }
      peer.receiveAll();
      expect(systemRuntime.now() - from).toBeLessThan(BOUNDED_MS);
      peer.expectSilence();
    });

    it('takes a third broadcast when all workers have read one, and keeps the order', () => {
      peer.pauseHosts(300);
      const from = systemRuntime.now();
      for (let k = 0; k < 3; k++) {
        peer.broadcast(pattern(50 + k));
        server.flush();
      }
      peer.receiveAll();
      expect(systemRuntime.now() - from).toBeLessThan(BOUNDED_MS);
      peer.expectSilence();
    });

    it('never waits for a worker that does not read, and keeps the order', () => {
      const count = 12;
      for (let host = 0; host < server.hosts; host++) {
        for (let worker = 0; worker < workers; worker++) {
          const order = encode({ sink: { worker, count } });
          server.sendControl(host, order);
          peer.receiveControl(host, order);
        }
      }
      peer.pauseHosts(300);
      const numbered = (k: number, length: number) => {
        const frame = new Uint8Array(length);
        putU32(frame, 0, k);
        return frame;
      };
      for (let k = 0; k < count; k += 2) {
        for (let worker = 0; worker < workers; worker++) {
          server.claim(worker, 40).set(numbered(k, 40));
          server.commit(worker, 40);
        }
        const length = k === 6 ? LARGE_BYTES : 70 + k;
        server.claimBroadcast(length).set(numbered(k + 1, length));
        server.commitBroadcast(length);
        server.flush();
      }
      // how many were not the next
      for (let worker = 0; worker < workers; worker++) {
        expect([...(server.receive(worker, ARRIVAL_MS) ?? [])]).toEqual([0, 0, 0, 0]);
        server.release(worker);
      }
      expect(server.lagging(0, ARRIVAL_MS)).toBeUndefined();
      peer.expectSilence();
    });

    it('keeps own frames and broadcasts in one order, also when more are sent than there is room for', () => {
      peer.pauseHosts(300);
      peer.send(0, pattern(40));
      peer.send(0, pattern(41));
      server.flush();
      peer.broadcast(pattern(42));
      server.flush();
      peer.receiveAll();
      peer.expectSilence();
    });

    it('brings more frames of a worker than there is room for, once they are read', () => {
      const order = { burst: { worker: 0, count: 7, length: 100 } };
      server.sendControl(0, encode(order));
      peer.receiveControl(0, encode(order));
      for (let k = 0; k < 7; k++) {
        const frame = server.receive(0, ARRIVAL_MS);
        expect(frame && Uint8Array.from(frame)).toEqual(burst(0, k, 100));
        server.release(0);
      }
      peer.expectSilence();
    });

    it('shows a frame until it is released', () => {
      peer.send(0, pattern(24));
      peer.send(0, pattern(25));
      server.flush();
      const first = Uint8Array.from(server.receive(0, ARRIVAL_MS) ?? []);
      expect(first.length).toBe(24);
      expect(server.receive(0, ARRIVAL_MS)).toEqual(first);
      expect(server.receive(0, 0)).toEqual(first);
      peer.receive(0);
      peer.receive(0);
    });

    it('waits as long as it is told to, and returns undefined when no frame comes in time', () => {
      const { runtime = systemRuntime } = transport;
      for (const timeout of [0, 50]) {
        const from = runtime.now();
        expect(server.receive(0, timeout)).toBeUndefined();
        expect(server.receiveControl(0, timeout)).toBeUndefined();
        server.pause(timeout);
        const waited = runtime.now() - from;
        // a sleep may end a little early by another clock of the machine
        expect(waited).toBeGreaterThan(3 * timeout - 1);
        expect(waited).toBeLessThan(BOUNDED_MS);
      }
      peer.send(0, pattern(8));
      server.flush();
      peer.receive(0);
    });

    it('aligns frames to 8 bytes, where f64 payloads can be viewed', () => {
      for (const length of [8, 17, 64, 1000, LARGE_BYTES]) {
        expect(server.claim(0, length).byteOffset % 8).toBe(0);
        peer.send(0, pattern(length));
        server.flush();
        expect(server.receive(0, ARRIVAL_MS)?.byteOffset).toSatisfy((at: number) => at % 8 === 0);
        peer.receive(0);
        expect(server.claimBroadcast(length).byteOffset % 8).toBe(0);
        server.commitBroadcast(0);
        peer.broadcasted(new Uint8Array(0));
        server.flush();
        peer.receiveAll();
      }
    });

    it('brings control messages both ways, whole and in order', () => {
      const messages = Array.from({ length: 5 }, (_, k) => encode(`message ${k}`));
      messages.push(encode('x'.repeat(300_000)));
      for (let host = 0; host < server.hosts; host++) {
        for (const message of messages) server.sendControl(host, message);
      }
      for (let host = server.hosts - 1; host >= 0; host--) {
        for (const message of messages) peer.receiveControl(host, message);
      }
      peer.expectSilence();
    });

    it('brings control messages and frames, large ones too, independent of each other', () => {
      for (let k = 0; k < 3; k++) {
        peer.send(0, pattern(LARGE_BYTES));
        server.sendControl(0, encode(`first ${k}`));
        peer.broadcast(pattern(20));
        server.sendControl(0, encode(`second ${k}`));
        server.flush();
        peer.receiveControl(0, encode(`first ${k}`));
        peer.receiveAll();
        peer.receiveControl(0, encode(`second ${k}`));
      }
    });

    it('counts each byte handed over once for each worker it goes to', () => {
      expect(server.stats).toEqual({ sentBytes: 0, receivedBytes: 0 });
      peer.send(0, pattern(100), 200);
      expect(server.stats).toEqual({ sentBytes: 100, receivedBytes: 0 });
      peer.broadcast(pattern(30), 50);
      expect(server.stats).toEqual({ sentBytes: 100 + 30 * workers, receivedBytes: 0 });
      server.flush();
      peer.receiveAll();
      expect(server.stats).toEqual({ sentBytes: 100 + 30 * workers, receivedBytes: 100 + 30 * workers });
      peer.broadcast(pattern(LARGE_BYTES));
      server.sendControl(0, encode('not counted'));
      server.flush();
      peer.receiveAll();
      expect(server.receiveControl(0, ARRIVAL_MS)).toBeDefined();
      const bytes = 100 + (30 + LARGE_BYTES) * workers;
      expect(server.stats).toEqual({ sentBytes: bytes, receivedBytes: bytes });
    });

    it('brings 5,000 rounds without losing a wake-up', () => {
      const frame = pattern(16);
      const from = systemRuntime.now();
      for (let round = 0; round < 5000; round++) {
        if (round % 2 === 0) peer.broadcast(frame);
        else for (let worker = 0; worker < workers; worker++) peer.send(worker, frame);
        server.flush();
        for (let worker = 0; worker < workers; worker++) peer.receive(worker);
      }
      // nothing else wakes a host within two minutes
      expect(systemRuntime.now() - from).toBeLessThan(60_000);
      peer.expectSilence();
    });

    it('keeps up with any schedule of at most two unanswered frames a worker', () => {
      const worker = fc.nat(workers - 1);
      const length = fc.oneof({ weight: 20, arbitrary: fc.nat(200) }, fc.constant(LARGE_BYTES >> 1));
      const step = fc.oneof(
        fc.record({ do: fc.constant('send' as const), worker, length }),
        fc.record({ do: fc.constant('broadcast' as const), length }),
        fc.record({ do: fc.constant('receive' as const), worker }),
        fc.record({ do: fc.constant('flush' as const) }),
      );
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
          for (const step of steps) {
            if (step.do === 'send' && peer.unanswered(step.worker) < 2) peer.send(step.worker, pattern(step.length));
            if (step.do === 'broadcast' && peer.mostUnanswered() < 2) peer.broadcast(pattern(step.length));
            if (step.do === 'flush') server.flush();
            if (step.do === 'receive' && peer.unanswered(step.worker) > 0) {
              server.flush();
              peer.receive(step.worker);
            }
          }
          server.flush();
          peer.receiveAll();
          peer.expectSilence();
        }),
        { numRuns: 30 },
      );
    });

    it('ends the hosts when it closes', async () => {
      peer.broadcast(pattern(8));
      server.flush();
      peer.receiveAll();
      const from = systemRuntime.now();
      server.close();
      await transport.ended();
      expect(systemRuntime.now() - from).toBeLessThan(BOUNDED_MS);
    });

    it('ends hosts that nobody has talked to', async () => {
      server.close();
      await transport.ended();
    });

    it('ends hosts whose answers nobody has read', async () => {
      for (let worker = 0; worker < workers; worker++) peer.send(worker, pattern(LARGE_BYTES));
      peer.broadcast(pattern(8));
      server.flush();
      server.close();
      await transport.ended();
    });
  });
}
