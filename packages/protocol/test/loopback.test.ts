import { describe, expect, it } from 'vitest';
import { createLoopback } from '../dist/transport/loopback.js';
import type { HostEnd } from '../dist/transport/transport.js';
import { describeTransport } from './describe-transport.js';
import { createEchoHost } from './echo-host.mjs';

describeTransport('loopback', async ({ workers }) => {
  let end: HostEnd | undefined;
  const server = createLoopback(workers, (opened) => {
    end = opened;
    return createEchoHost(opened);
  });
  return {
    server,
    ended: async () => {
      // its host has no thread: it has ended when a wait would say so
      expect(end?.wait(0)).toBe(false);
    },
  };
});

describe('loopback', () => {
  it('runs the workers only while the server waits for them', () => {
    let steps = 0;
    const server = createLoopback(2, () => () => {
      steps++;
    });
    server.claim(0, 8);
    server.commit(0, 8);
    server.flush();
    expect(steps).toBe(0);
    expect(server.receive(0, 1000)).toBeUndefined();
    expect(steps).toBe(1);
    expect(server.receiveControl(0, 1000)).toBeUndefined();
    expect(steps).toBe(2);
  });

  it('is open until it is closed', () => {
    let end: HostEnd | undefined;
    const server = createLoopback(1, (opened) => {
      end = opened;
      return () => {};
    });
    expect(end?.wait(0)).toBe(true);
    server.close();
    expect(end?.wait(0)).toBe(false);
  });
});
