import { systemRuntime } from '@flotilla/core';
import {
  createLoopback,
  FrameKind,
  HEADER_BYTES,
  type Job,
  packControl,
  readHeader,
  type ServerEnd,
  unpackControl,
  WIRE_VERSION,
  writeHeader,
} from '@flotilla/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import { BUILT_IN, WorkerHost } from '../dist/index.js';

const job: Job = {
  method: 'gd',
  problem: 'heterogeneous-quadratic:d=4',
  workers: 2,
  wire: 'f32',
  init: 'zeros',
  seed: '0',
};
let end: ServerEnd;

beforeEach(() => {
  end = createLoopback(
    2,
    (host) => {
      const workers = new WorkerHost(host, { problemData: {}, start: undefined }, BUILT_IN, systemRuntime);
      return () => workers.step();
    },
    systemRuntime,
  );
});

function ask(message: Parameters<typeof packControl>[0]) {
  end.sendControl(0, packControl(message));
  return unpackControl(end.receiveControl(0, 0) as Uint8Array);
}

/** Sends a frame to worker 0 and returns the kind of its answer and, for failures, what they say. */
function send(header: Parameters<typeof writeHeader>[0], payload = new Uint8Array(0)) {
  const room = end.claim(0, HEADER_BYTES + payload.length);
  writeHeader(header, room);
  room.set(payload, HEADER_BYTES);
  end.commit(0, HEADER_BYTES + payload.length);
  const answer = end.receive(0, 0) as Uint8Array;
  const got = { kind: FrameKind.start as FrameKind, form: 'none' as const, coins: 0, extra: 0, round: 0 };
  readHeader(answer, got);
  const failure = got.kind === FrameKind.failure ? unpackControl(answer.slice(HEADER_BYTES)) : undefined;
  end.release(0);
  return { kind: got.kind, failure };
}

const configure = { type: 'configure', wireVersion: WIRE_VERSION, job } as const;
const begin = { type: 'begin', stepSize: 0.1, parameters: {} } as const;
const downlink = (round: number) => ({ kind: FrameKind.downlink, form: 'dense', coins: 0, extra: 0, round }) as const;
const zeros = new Uint8Array(16);

test('configure, begin, rounds, finish', () => {
  expect(ask(configure)).toMatchObject({ type: 'ready', smoothness: [expect.any(Number), expect.any(Number)] });
  expect(ask(begin)).toEqual({ type: 'begun' });
  for (let round = 1; round <= 3; round++) expect(send(downlink(round), zeros).kind).toBe(FrameKind.uplink);
  expect(ask({ type: 'finish' })).toMatchObject({ type: 'finished' });
});

describe('a frame to all', () => {
  const point = { kind: FrameKind.downlink, form: 'dense', coins: 0, extra: 0, round: 1 } as const;

  /** Sends a frame to both workers at once and returns what each answers: its payload, or what failed. */
  function broadcast(header: Parameters<typeof writeHeader>[0], numbers: Float32Array) {
    const bytes = HEADER_BYTES + numbers.byteLength;
    const room = end.claimBroadcast(bytes);
    writeHeader(header, room);
    room.set(new Uint8Array(numbers.buffer), HEADER_BYTES);
    end.commitBroadcast(bytes);
    return [0, 1].map((worker) => {
      const frame = end.receive(worker, 0) as Uint8Array;
      const payload = frame.slice(HEADER_BYTES);
      const failed = frame[0] === FrameKind.failure ? unpackControl(payload) : undefined;
      end.release(worker);
      return failed ?? [...new Float32Array(payload.buffer)];
    });
  }

  test('is answered by every worker as a frame of its own is', () => {
    ask(configure);
    ask(begin);
    const x = Float32Array.of(1, -2, 3, 0.5);
    const [first, second] = broadcast(point, x);
    // c = ν = 1, X = ¼ tridiag(−1, 2, −1): A x = ¼ (4, −8, 7.5, −2); what is left of each gradient is its own b_i
    const [b0, b1] = broadcast({ ...point, round: 2 }, new Float32Array(4)) as number[][];
    const moved = (answer: unknown, b: number[] | undefined) => (answer as number[]).map((v, j) => v - (b?.[j] ?? 0));
    for (const [answer, b] of [
      [first, b0],
      [second, b1],
    ] as const) {
      for (const [j, v] of [1, -2, 1.875, -0.5].entries()) expect(moved(answer, b)[j]).toBeCloseTo(v, 5);
    }
    expect(b0).not.toEqual(b1);
  });

  test('that is damaged, or of a wrong round, is refused by every worker', () => {
    ask(configure);
    ask(begin);
    const infinite = broadcast(point, Float32Array.of(1, 2, Number.NaN, 4));
    for (const answer of infinite) expect(answer).toMatchObject({ message: expect.stringContaining('NaN') });
    const late = broadcast({ ...point, round: 7 }, new Float32Array(4));
    for (const answer of late) expect(answer).toMatchObject({ message: expect.stringContaining('and round 1') });
  });

  test('whose round one worker has behind it is refused by that worker alone', () => {
    ask(configure);
    ask(begin);
    expect(send(point, zeros).kind).toBe(FrameKind.uplink);
    const [ahead, due] = broadcast(point, new Float32Array(4));
    expect(ahead).toMatchObject({ message: expect.stringContaining('and round 2') });
    expect(due).toHaveLength(4);
    const [next, behind] = broadcast({ ...point, round: 2 }, new Float32Array(4));
    expect([next, behind]).toEqual([expect.any(Array), expect.any(Array)]);
  });
});

describe('what a host cannot do, it answers with the reason', () => {
  test.each([['an unknown problem', { ...job, problem: 'nothing' }, 'usage']])('%s', (_what, broken, code) => {
    expect(ask({ ...configure, job: broken })).toMatchObject({ type: 'failed', code });
  });

  test('an impossible compressor, once its dimension is known', () => {
    ask({ ...configure, job: { ...job, method: 'marina', uplink: 'rand-k:k=5' } });
    expect(ask(begin)).toMatchObject({ type: 'failed', code: 'usage' });
  });

  test('a frame before the configuration, a round before its constants', () => {
    expect(send(downlink(1), zeros)).toMatchObject({ failure: { code: 'protocol' } });
    ask(configure);
    expect(send(downlink(1), zeros).failure).toMatchObject({
      message: expect.stringContaining('before its constants'),
    });
  });

  test('a round that is not the next, a payload of another length, a value that is not finite', () => {
    ask(configure);
    ask(begin);
    expect(send(downlink(2), zeros).failure).toMatchObject({
      message: expect.stringContaining('expected a frame of kind 2 and round 1'),
    });
    expect(send(downlink(1), new Uint8Array(15)).failure).toMatchObject({ code: 'protocol' });
    const infinite = new Uint8Array(Float32Array.of(1, Number.POSITIVE_INFINITY, 0, 0).buffer);
    expect(send(downlink(1), infinite).failure).toMatchObject({
      message: expect.stringContaining('worker 0, round 1'),
    });
    // none of that has moved the worker
    expect(send(downlink(1), zeros).kind).toBe(FrameKind.uplink);
  });

  test('a message that a method does not have', () => {
    ask(configure);
    ask(begin);
    const start = { kind: FrameKind.start, form: 'none', coins: 0, extra: 0, round: 0 } as const;
    expect(send(start).failure).toMatchObject({ message: expect.stringContaining('gd has no message before round 1') });
  });
});

test('it goes on where it has stopped, and reads what is for all once more or not at all', () => {
  const workers = 5;
  const wide = { ...job, workers, problem: 'heterogeneous-quadratic:d=400' };
  const run = (enough: (() => boolean) | undefined) => {
    let host: WorkerHost | undefined;
    const server = createLoopback(
      workers,
      (opened) => {
        host = new WorkerHost(opened, { problemData: {}, start: undefined }, BUILT_IN, systemRuntime);
        return () => host?.step(undefined, enough);
      },
      systemRuntime,
    );
    for (const message of [{ ...configure, job: wide }, begin]) {
      server.sendControl(0, packControl(message));
      server.receiveControl(0, 0);
    }
    const answers: string[] = [];
    for (let round = 1; round <= 3; round++) {
      const room = server.claimBroadcast(HEADER_BYTES + 1600);
      writeHeader(downlink(round), room);
      new DataView(room.buffer, room.byteOffset).setFloat32(HEADER_BYTES, 2 ** -round, true);
      room.fill(0, HEADER_BYTES + 4);
      server.commitBroadcast(HEADER_BYTES + 1600);
      for (let worker = 0; worker < workers; worker++) {
        const frame = server.receive(worker, 1000) as Uint8Array;
        answers.push(Buffer.from(frame).toString('hex'));
        server.release(worker);
      }
    }
    server.close();
    return answers;
  };
  const expected = run(undefined);
  expect(new Set(expected).size).toBe(15);
  expect(run(() => true)).toEqual(expected);
  let asked = 0;
  expect(run(() => asked++ % 3 === 0)).toEqual(expected);
  expect(asked).toBeGreaterThan(6);
});
