import { systemRuntime } from '@flotilla/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLoopback } from '../dist/transport/loopback.js';
import type { ThreadAttachment } from '../dist/transport/threads/attachment.js';
import { openThreadEnd } from '../dist/transport/threads/host-end.js';
import { createThreadTransport } from '../dist/transport/threads/server-end.js';
import type { HostEnd, ServerEnd } from '../dist/transport/transport.js';

// Both ends of a transport on one thread, driven by random sequences of calls and compared with plain queues. Calls that
// would block by the model are left out; interleavings.test.ts has what happens in between.

const WORKERS = 3;
/** Unread frames a worker and direction has room for. */
const SLOTS = 2;
/** On threads: what is longer than a slot lies in a parcel, and what is longer than that goes by port. */
const SIZES = { shortFrameBytes: 64, maxFrameBytes: 128 };

type Ends = { server: ServerEnd; host: HostEnd };

function loopback(): Ends {
  let host: HostEnd | undefined;
  const server = createLoopback(
    WORKERS,
    (end) => {
      host = end;
      // the test is the host: it calls the end itself
      return () => {};
    },
    systemRuntime,
  );
  return { server, host: host as HostEnd };
}

function threads(): Ends {
  const { server, attachments } = createThreadTransport({ workers: WORKERS, threads: 1, ...SIZES }, systemRuntime);
  return { server, host: openThreadEnd(attachments[0] as ThreadAttachment, systemRuntime) };
}

/** The counters of all rings shortly before they wrap from 2³¹ − 1 to −2³¹, as after two billion messages. */
function oldThreads(): Ends {
  // both ends read the counters when a worker comes to them: from a thread that has had it before
  const { server, attachments } = createThreadTransport({ workers: WORKERS, threads: 2, ...SIZES }, systemRuntime);
  const [attachment, before] = attachments as [ThreadAttachment, ThreadAttachment];
  server.place(Array<number>(WORKERS).fill(before.thread));
  const words = new Int32Array(attachment.shared);
  // the layout of layout.ts: lines of 16 words, one fixed, two bells, one a worker; sent, taken at 0, 1 (down) and 8, 9 (up)
  for (let worker = 0; worker < WORKERS; worker++) {
    const line = 16 * (3 + worker);
    for (const word of [0, 1, 8, 9]) words[line + word] = 2 ** 31 - 4;
  }
  server.place(Array<number>(WORKERS).fill(attachment.thread));
  return { server, host: openThreadEnd(attachment, systemRuntime) };
}

const worker = fc.nat(WORKERS - 1);
// both sides of both sizes, with room to spare in the claim
const frame = fc.record({ length: fc.nat(200), spare: fc.oneof(fc.constant(0), fc.nat(80)) });
const step = fc.oneof(
  fc.record({ do: fc.constant('send' as const), worker, frame }),
  fc.record({ do: fc.constant('broadcast' as const), frame }),
  fc.record({ do: fc.constant('take' as const), worker }),
  fc.record({ do: fc.constant('release' as const), worker }),
  fc.record({ do: fc.constant('answer' as const), worker, frame }),
  fc.record({ do: fc.constant('receive' as const), worker }),
  fc.record({ do: fc.constant('receive and release' as const), worker }),
  fc.record({ do: fc.constant('control down' as const) }),
  fc.record({ do: fc.constant('control up' as const) }),
  fc.record({ do: fc.constant('take control' as const) }),
  fc.record({ do: fc.constant('receive control' as const) }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Runs the steps on both ends and on the model. */
function run({ server, host }: Ends, steps: readonly Step[]): void {
  const down: Uint8Array[][] = Array.from({ length: WORKERS }, () => []);
  const up: Uint8Array[][] = Array.from({ length: WORKERS }, () => []);
  const controlDown: Uint8Array[] = [];
  const controlUp: Uint8Array[] = [];
  const stats = { sentBytes: 0, receivedBytes: 0 };
  let made = 0;
  const next = (length: number) => new Uint8Array(length).fill(++made);
  const hasRoom = (queue: Uint8Array[]) => queue.length < SLOTS;

  for (const step of steps) {
    switch (step.do) {
      case 'send':
        if (hasRoom(down[step.worker])) {
          const bytes = next(step.frame.length);
          server.claim(step.worker, bytes.length + step.frame.spare).set(bytes);
          server.commit(step.worker, bytes.length);
          down[step.worker].push(bytes);
          stats.sentBytes += bytes.length;
        }
        break;
      case 'broadcast':
        if (down.every(hasRoom)) {
          const bytes = next(step.frame.length);
          server.claimBroadcast(bytes.length + step.frame.spare).set(bytes);
          server.commitBroadcast(bytes.length);
          for (const queue of down) queue.push(bytes);
          stats.sentBytes += WORKERS * bytes.length;
        }
        break;
      case 'take':
        expect(host.take(step.worker)).toEqual(down[step.worker][0]);
        break;
      case 'release':
        if (down[step.worker].length > 0) {
          expect(host.take(step.worker)).toEqual(down[step.worker].shift());
          host.release(step.worker);
        }
        break;
      case 'answer':
        if (hasRoom(up[step.worker])) {
          const bytes = next(step.frame.length);
          host.claim(step.worker, bytes.length + step.frame.spare).set(bytes);
          host.commit(step.worker, bytes.length);
          up[step.worker].push(bytes);
        }
        break;
      case 'receive':
        expect(server.receive(step.worker, 0)).toEqual(up[step.worker][0]);
        break;
      case 'receive and release':
        if (up[step.worker].length > 0) {
          const bytes = up[step.worker].shift();
          expect(server.receive(step.worker, 0)).toEqual(bytes);
          server.release(step.worker);
          stats.receivedBytes += bytes?.length ?? 0;
        }
        break;
      case 'control down':
        controlDown.push(next(5));
        server.sendControl(0, new Uint8Array(5).fill(made));
        break;
      case 'control up':
        controlUp.push(next(6));
        host.sendControl(new Uint8Array(6).fill(made));
        break;
      case 'take control':
        expect(host.takeControl()).toEqual(controlDown.shift());
        break;
      case 'receive control':
        expect(server.receiveControl(0, 0)).toEqual(controlUp.shift());
        break;
    }
    expect(server.stats).toEqual(stats);
  }

  // what is left is all there, and nothing else
  for (let worker = 0; worker < WORKERS; worker++) {
    for (const bytes of down[worker]) {
      expect(host.take(worker)).toEqual(bytes);
      host.release(worker);
    }
    for (const bytes of up[worker]) {
      expect(server.receive(worker, 0)).toEqual(bytes);
      server.release(worker);
    }
    expect(host.take(worker)).toBeUndefined();
    expect(server.receive(worker, 0)).toBeUndefined();
  }
  for (const bytes of controlDown) expect(host.takeControl()).toEqual(bytes);
  for (const bytes of controlUp) expect(server.receiveControl(0, 0)).toEqual(bytes);
  expect(host.takeControl()).toBeUndefined();
  expect(server.receiveControl(0, 0)).toBeUndefined();
}

describe.each([
  ['loopback', loopback],
  ['threads', threads],
  ['threads whose counters wrap', oldThreads],
] as const)('%s', (_, open) => {
  it('is a queue for each worker and direction', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        const ends = open();
        try {
          run(ends, steps);
        } finally {
          ends.server.close();
        }
      }),
      { numRuns: 100 },
    );
  });
});
