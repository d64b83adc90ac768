import { KeyedRandom, systemRuntime } from '@flotilla/core';
import { afterEach, describe, expect, it } from 'vitest';
import { FrameKind } from '../dist/frame.js';
import { linksOf, parseLink, parseLinkModel } from '../dist/network/grammar.js';
import type { Links } from '../dist/network/link.js';
import { type LinkedServerEnd, linkHostEnd, linkServerEnd, STAMP_BYTES } from '../dist/network/paced.js';
import { modelLinks } from '../dist/network/virtual.js';
import { createEchoHost, describeTransport, type OpenTransport, SimulatedRuntime } from '../dist/testing/index.js';
import { createLoopback } from '../dist/transport/loopback.js';
import type { HostEnd, ServerEnd } from '../dist/transport/transport.js';
import { openThreads } from './echo-threads.js';
import { expectProtocolError } from './expect-error.js';

const links = (text: string, workers: number) => linksOf(parseLink(text), workers, new KeyedRandom('0'));

async function openLinkedThreads(workers: number, threads: number, linked: Links | undefined, maxFrameBytes = 1 << 20) {
  const opened = await openThreads({ workers, threads, maxFrameBytes, linked: { links: linked } });
  return { server: linkServerEnd(opened.server, systemRuntime), ended: opened.ended };
}

/** Both ends on this thread, in simulated time: what is left of a transfer's time is what its links take. */
function openLinkedLoopback(
  workers: number,
  linked: Links | undefined,
): OpenTransport & { server: LinkedServerEnd; runtime: SimulatedRuntime } {
  const runtime = new SimulatedRuntime();
  let end: HostEnd | undefined;
  const server = createLoopback(
    workers,
    (opened) => createEchoHost(opened, runtime),
    runtime,
    (opened) => {
      end = linkHostEnd(opened, linked, runtime);
      return end;
    },
  );
  return {
    server: linkServerEnd(server, runtime),
    runtime,
    ended: async () => {
      expect(end?.wait(0)).toBe(false);
    },
  };
}

// whatever a transport promises, it promises with links: whole, once, in order, counted exactly
const fast = 'up=1gbit..10gbit,down=1gbit..10gbit,latency=10us,duplex=half';
describeTransport('linked loopback', async ({ workers }) => openLinkedLoopback(workers, links(fast, workers)));
describeTransport('stamped loopback', async ({ workers }) => openLinkedLoopback(workers, undefined));
describeTransport('modelled loopback', async ({ workers }) => {
  const opened = openLinkedLoopback(workers, undefined);
  const model = modelLinks(opened.server, [parseLinkModel(fast)], new KeyedRandom('0'), opened.runtime);
  model.beginRound();
  return { ...opened, server: model };
});
describeTransport('2 linked threads', ({ workers, maxFrameBytes }) =>
  openLinkedThreads(workers, 2, links(fast, workers), maxFrameBytes),
);

/** Makes the workers answer every frame with itself, after `work` milliseconds. */
function echo(server: ServerEnd, work: number): void {
  const order = new TextEncoder().encode(JSON.stringify({ delay: work }));
  for (let host = 0; host < server.hosts; host++) server.sendControl(host, order);
  for (let host = 0; host < server.hosts; host++) expect(server.receiveControl(host, 10_000)).toEqual(order);
}

function send(server: ServerEnd, bytes: number, worker: number, kind: number = FrameKind.downlink): void {
  const room = server.claim(worker, bytes);
  room[0] = kind;
  server.commit(worker, bytes);
  server.flush();
}

/** The kind of a worker's next frame, waited for in slices, as the server does. */
function receive(server: ServerEnd, worker: number): number | undefined {
  let frame = server.receive(worker, 50);
  for (let k = 0; k < 400 && frame === undefined; k++) frame = server.receive(worker, 50);
  if (frame === undefined) throw new Error(`no answer of worker ${worker} within 20 s`);
  const [kind] = frame;
  server.release(worker);
  return kind;
}

describe('paced links', () => {
  /** Workers on links, and how long it takes them to do something. */
  function start(text: string | undefined, workers: number, work = 0) {
    const { server, runtime } = openLinkedLoopback(workers, text === undefined ? undefined : links(text, workers));
    echo(server, work);
    const took = (act: () => void) => {
      const from = runtime.now();
      act();
      return runtime.now() - from;
    };
    return { server, took };
  }

  // 12,500 bytes are 100,000 bits
  it.each([
    ['down', 'down=2mbit', 50],
    ['up', 'up=2mbit', 50],
    ['latency, each way', 'latency=40ms', 80],
    ['all', 'up=2mbit,down=4mbit,latency=10ms', 95],
    ['half-duplex', 'up=2mbit,down=4mbit,latency=10ms,duplex=half', 95],
  ])('take bytes · 8 / rate + latency: %s', (_what, text, exact) => {
    const { server, took } = start(text, 1);
    for (let k = 0; k < 3; k++) {
      const transfer = took(() => {
        send(server, 12_500, 0);
        receive(server, 0);
      });
      expect(transfer).toBeCloseTo(exact, 9);
    }
  });

  it('take bytes · 8 / rate + latency for a broadcast, each worker at its own rate', () => {
    const { server, took } = start('down=10mbit/2mbit/1mbit,latency=5ms', 3);
    server.claimBroadcast(12_500)[0] = FrameKind.downlink;
    server.commitBroadcast(12_500);
    server.flush();
    // fastest first: each is looked at as soon as it can be there
    expect(took(() => receive(server, 0))).toBeCloseTo(20, 9);
    expect(took(() => receive(server, 1))).toBeCloseTo(60 - 20, 9);
    expect(took(() => receive(server, 2))).toBeCloseTo(110 - 60, 9);
  });

  it('run side by side, whoever is waited for, also where all workers share the thread', () => {
    const workers = 16;
    const { server, took } = start('up=1mbit,down=1mbit', workers);
    // one after another they would take 3.2 s
    const all = took(() => {
      for (let worker = 0; worker < workers; worker++) send(server, 12_500, worker);
      for (let worker = workers - 1; worker >= 0; worker--) receive(server, worker);
    });
    expect(all).toBeCloseTo(200, 9);
  });

  it('run side by side while the server waits for the end of an uplink', () => {
    const { server, took } = start('down=100mbit/1mbit,up=1mbit', 2);
    // worker 1 gets its frame after 100 ms, while worker 0's answer is on its way
    const all = took(() => {
      for (const worker of [0, 1]) send(server, 12_500, worker);
      for (const worker of [0, 1]) receive(server, worker);
    });
    expect(all).toBeCloseTo(200, 9);
  });

  it('hold up nobody but their worker', () => {
    const { server, took } = start('down=20kbit/100mbit', 2);
    send(server, 5000, 0);
    send(server, 5000, 1);
    expect(took(() => receive(server, 1))).toBeCloseTo(0.4, 9);
    expect(took(() => receive(server, 0))).toBeCloseTo(2000 - 0.4, 9);
  });

  it('carry the frames of a worker one after another', () => {
    const { server, took } = start('down=1mbit,latency=30ms', 1);
    // twice 100 ms, one latency each way
    const both = took(() => {
      send(server, 12_500, 0);
      send(server, 12_500, 0);
      receive(server, 0);
      receive(server, 0);
    });
    expect(both).toBeCloseTo(260, 9);
  });

  it('carry evaluations and failures free of charge, and in order', () => {
    const { server, took } = start('up=8kbit,down=8kbit,latency=500ms', 1);
    for (const kind of [FrameKind.evaluate, FrameKind.evaluation, FrameKind.failure]) {
      const free = took(() => {
        send(server, 100_000, 0, kind);
        expect(receive(server, 0)).toBe(kind);
      });
      expect(free).toBe(0);
    }
    send(server, 8, 0);
    send(server, 8, 0, FrameKind.evaluate);
    const paced = took(() => expect(receive(server, 0)).toBe(FrameKind.downlink));
    expect(paced).toBeCloseTo(1016, 9);
    expect(took(() => expect(receive(server, 0)).toBe(FrameKind.evaluate))).toBe(0);
  });

  it('return undefined while a frame is on its way', () => {
    const { server, took } = start('up=8kbit', 1);
    send(server, 500, 0);
    let looks = 0;
    const all = took(() => {
      while (server.receive(0, 20) === undefined) looks++;
    });
    expect(all).toBeCloseTo(500, 9);
    expect(looks).toBe(24);
    expect(server.receive(0, 0)?.length).toBe(500);
    server.release(0);
    expect(server.stats).toEqual({ sentBytes: 500, receivedBytes: 500 });
  });

  it.each([[undefined], ['down=1mbit,latency=5ms']])('tell how long a worker worked, over links %s', (text) => {
    const { server } = start(text, 2, 25);
    for (const worker of [0, 1]) send(server, 12_500, worker);
    for (const worker of [0, 1]) {
      receive(server, worker);
      // not the 25 ms for which its thread worked for the other, nor the 100 ms on the link
      expect(server.workOf(worker)).toBeCloseTo(25, 9);
    }
  });
});

describe('paced links between threads', () => {
  let transport: (OpenTransport & { server: LinkedServerEnd }) | undefined;
  afterEach(async () => {
    transport?.server.close();
    await transport?.ended();
    transport = undefined;
  });

  it('bring no frame early, run side by side, and tell how long a worker worked', async () => {
    const workers = 16;
    transport = await openLinkedThreads(workers, 2, links('up=1mbit,down=1mbit', workers));
    const { server } = transport;
    echo(server, 1);
    const from = systemRuntime.now();
    for (let worker = 0; worker < workers; worker++) send(server, 12_500, worker);
    for (let worker = workers - 1; worker >= 0; worker--) {
      receive(server, worker);
      expect(systemRuntime.now() - from).toBeGreaterThan(201 - 0.01);
      expect(server.workOf(worker)).toBeGreaterThan(1 - 0.01);
    }
    // one after another they would take 3.2 s; a busy machine takes longer than 0.2 s
    expect(systemRuntime.now() - from).toBeLessThan(3000);
  });
});

describe('a stamp', () => {
  /** The server's end where a host has committed `bytes` behind an empty frame. */
  function received(bytes: Uint8Array): () => unknown {
    const runtime = new SimulatedRuntime();
    const loopback = createLoopback(
      1,
      (end) => () => {
        end.claim(0, bytes.length).set(bytes);
        end.commit(0, bytes.length);
      },
      runtime,
    );
    const server = linkServerEnd(loopback, runtime);
    return () => server.receive(0, 0);
  }
  const stamped = (time: number, work: number) => new Uint8Array(Float64Array.of(time, work).buffer);

  it('that is missing, or no time, is refused', () => {
    expectProtocolError(received(new Uint8Array(STAMP_BYTES - 1)), /has no stamp/);
    for (const time of [Number.NaN, Number.POSITIVE_INFINITY])
      expectProtocolError(received(stamped(time, 0)), /stamped/);
    for (const work of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
      expectProtocolError(received(stamped(0, work)), /stamped with time 0 and work/);
    }
    expect(received(stamped(0, 1))()).toEqual(new Uint8Array(0));
  });

  it('is no room of the frame', () => {
    const runtime = new SimulatedRuntime();
    const server = linkServerEnd(
      createLoopback(1, () => () => {}, runtime),
      runtime,
    );
    server.claim(0, 10);
    expect(() => server.commit(0, 11)).toThrow(/11 bytes was committed where 10 were claimed/);
    server.claimBroadcast(10);
    expect(() => server.commitBroadcast(11)).toThrow(/11 bytes was committed where 10 were claimed/);
  });
});
