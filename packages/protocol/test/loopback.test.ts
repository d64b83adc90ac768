import { describe, expect, it } from 'vitest';
import { createEchoHost, describeTransport, SimulatedRuntime } from '../dist/testing/index.js';
import { createLoopback } from '../dist/transport/loopback.js';
import type { HostEnd } from '../dist/transport/transport.js';

describeTransport('loopback', async ({ workers }) => {
  let end: HostEnd | undefined;
  const runtime = new SimulatedRuntime();
  const server = createLoopback(
    workers,
    (opened) => {
      end = opened;
      return createEchoHost(opened, runtime);
    },
    runtime,
  );
  return {
    server,
    runtime,
    ended: async () => {
      // its host has no thread: it has ended when a wait would say so
      expect(end?.wait(0)).toBe(false);
    },
  };
});

describe('loopback', () => {
  it('runs the workers only while the server waits for them', () => {
    const runtime = new SimulatedRuntime();
    let steps = 0;
    const server = createLoopback(2, () => () => void steps++, runtime);
    server.claim(0, 8);
    server.commit(0, 8);
    server.flush();
    expect(steps).toBe(0);
    expect(server.receive(0, 0)).toBeUndefined();
    expect(steps).toBe(1);
    expect(server.receiveControl(0, 0)).toBeUndefined();
    expect(steps).toBe(2);
    server.pause(0);
    expect(steps).toBe(3);
    expect(runtime.now()).toBe(0);
  });

  it('waits as long as it is told to, and the workers run again when the time is over', () => {
    const runtime = new SimulatedRuntime(1e9);
    const ran: number[] = [];
    const server = createLoopback(1, () => () => void ran.push(runtime.now() - 1e9), runtime);
    expect(server.receive(0, 40)).toBeUndefined();
    expect(server.receiveControl(0, 2)).toBeUndefined();
    server.pause(8);
    expect(ran).toEqual([0, 40, 40, 42, 42, 50]);
  });

  it('is open until it is closed', () => {
    let end: HostEnd | undefined;
    const server = createLoopback(
      1,
      (opened) => {
        end = opened;
        return () => {};
      },
      new SimulatedRuntime(),
    );
    expect(end?.wait(0)).toBe(true);
    server.close();
    expect(end?.wait(0)).toBe(false);
  });
});
