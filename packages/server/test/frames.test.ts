import { type FlotillaError, methods } from '@flotilla/core';
import { CHECKSUM_BYTES, FrameKind, HEADER_BYTES } from '@flotilla/protocol';
import { describe, expect, test } from 'vitest';
import { explain } from '../dist/explain.js';
import { parseOptions } from '../dist/run/options.js';
import { aboutRun, summarize } from '../dist/summary.js';
import type { TrainOptions } from '../dist/train.js';
import { Training } from '../dist/training.js';
import { type Fault, faultyHosts, flip, isDownlink, isUplink, type OnTheWay } from './faulty-hosts.js';
import { openInProcess } from './in-process.js';
import { suites } from './method-suites.js';

const base: TrainOptions = {
  problem: 'heterogeneous-quadratic:d=40',
  method: 'm3:p=0.3',
  workers: 3,
  stepSize: 0.05,
  transport: 'loopback',
  seed: 'frames',
};
const ROUNDS = 6;

async function opened(fault: Fault, options: TrainOptions = {}): Promise<Training> {
  const hosts = faultyHosts(fault);
  return Training.open(parseOptions({ ...base, checksum: 'on', ...options }), { hosts });
}

async function rounds(training: Training, count = ROUNDS): Promise<void> {
  for (let k = 0; k < count; k++) await training.round();
  // whatever a worker still has to say
  await training.evaluate();
}

/** Runs with something wrong on the link, and returns the error and what was counted. */
async function refused(fault: Fault, options: TrainOptions = {}) {
  const training = await opened(fault, options);
  try {
    await rounds(training);
  } catch (thrown) {
    const { code, refusal, worker, round, message } = thrown as FlotillaError;
    return { code, refusal, worker, round, message, counted: { ...training.ledger.refused } };
  } finally {
    await training.close();
  }
  return undefined;
}

/** Every frame of the rounds of a run, by way, worker and round. */
async function recorded(options: TrainOptions = {}): Promise<(like: Partial<OnTheWay>) => Uint8Array> {
  const frames: OnTheWay[] = [];
  const training = await opened((frame) => {
    if (isUplink(frame) || isDownlink(frame)) frames.push(frame);
    return undefined;
  }, options);
  await rounds(training);
  await training.close();
  return (like) => {
    const found = frames.find((frame) =>
      Object.entries(like).every(([name, value]) => frame[name as keyof OnTheWay] === value),
    );
    if (found === undefined) throw new Error(`no frame is like ${JSON.stringify(like)}`);
    return found.bytes;
  };
}

/** A fault of worker 1's frame of round 3, one way. */
const inRound3 =
  (way: 'down' | 'up', instead: (bytes: Uint8Array) => readonly Uint8Array[]): Fault =>
  (frame) =>
    frame.way === way && frame.worker === 1 && frame.round === 3 && (isUplink(frame) || isDownlink(frame))
      ? instead(frame.bytes)
      : undefined;

describe.each(['down', 'up'] as const)('%s, with a checksum', (way) => {
  const expectRefusal = async (fault: Fault, refusal: string, round: number | undefined, options = {}) => {
    const error = await refused(fault, options);
    expect(error).toMatchObject({ code: 'protocol', refusal, worker: 1, round, counted: { [refusal]: 1 } });
    expect(error?.message).toMatch(/^worker 1[,:]/);
  };
  // a worker that cannot read a frame does not know its round
  const unknown = way === 'down' ? undefined : 3;

  test.each([0, 17, 8 * HEADER_BYTES, 8 * HEADER_BYTES + 31])('bit %i flipped: damaged', async (bit) => {
    await expectRefusal(
      inRound3(way, (bytes) => [flip(bytes, bit)]),
      'damaged',
      unknown,
    );
  });

  test('cut, and longer', async () => {
    await expectRefusal(
      inRound3(way, (bytes) => [bytes.subarray(0, CHECKSUM_BYTES - 1)]),
      'truncated',
      unknown,
    );
    await expectRefusal(
      inRound3(way, (bytes) => [bytes.subarray(0, -1)]),
      'damaged',
      unknown,
    );
    await expectRefusal(
      inRound3(way, (bytes) => [Uint8Array.of(...bytes, 0)]),
      'damaged',
      unknown,
    );
  });

  test('of another seed, of another method parameter: another run', async () => {
    for (const other of [{ seed: 'other' }, { method: 'm3:p=0.31' }]) {
      const frame = await recorded(other).then((of) => of({ way, worker: 1, round: 3 }));
      await expectRefusal(
        inRound3(way, () => [frame]),
        'damaged',
        unknown,
      );
    }
  });

  test('another worker’s: misdelivered', async () => {
    // each worker's own: no round is dense
    const own = { method: 'm3:p=1e-9' };
    const of = await recorded(own);
    await expectRefusal(
      inRound3(way, () => [of({ way, worker: 2, round: 3 })]),
      'misdelivered',
      unknown,
      own,
    );
    const back = way === 'down' ? 'up' : 'down';
    await expectRefusal(
      inRound3(way, () => [of({ way: back, worker: 1, round: 3 })]),
      'misdelivered',
      unknown,
      own,
    );
  });

  test('twice: a duplicate', async () => {
    // the first one is taken, and the second refused where the next is due
    await expectRefusal(
      inRound3(way, (bytes) => [bytes, bytes]),
      'duplicate',
      way === 'down' ? 3 : 4,
    );
  });

  test('of an earlier round: stale; of a later one: early', async () => {
    const of = await recorded();
    const past = inRound3(way, () => [of({ way, worker: 1, round: 1 })]);
    await expectRefusal(past, 'stale', way === 'down' ? 1 : 3);
    const future = inRound3(way, () => [of({ way, worker: 1, round: 5 })]);
    await expectRefusal(future, 'early', way === 'down' ? 5 : 3);
  });
});

describe('without a checksum', () => {
  const off = { checksum: 'off' } as const;

  test('the header is what a frame is refused by', async () => {
    const changed = (at: number, value: number) =>
      inRound3('down', (bytes) => {
        const frame = bytes.slice();
        frame[at] = value;
        return [frame];
      });
    expect(await refused(changed(0, 77), off)).toMatchObject({ refusal: 'malformed', counted: { malformed: 1 } });
    expect(await refused(changed(4, 2), off)).toMatchObject({ refusal: 'duplicate' });
    expect(await refused(changed(4, 1), off)).toMatchObject({ refusal: 'stale' });
    expect(await refused(changed(4, 9), off)).toMatchObject({ refusal: 'early' });
    expect(await refused(changed(0, FrameKind.restored), off)).toMatchObject({ refusal: 'malformed' });
    // M3 tosses two coins: a third is nobody's
    for (const coins of [4, 0x80]) {
      const error = await refused(changed(2, coins), off);
      expect(error).toMatchObject({ refusal: 'coins', worker: 1, round: 3, counted: { coins: 1 } });
    }
    expect(
      await refused(
        inRound3('up', (bytes) => [flip(bytes, 16)]),
        off,
      ),
    ).toMatchObject({
      refusal: 'coins',
      message: 'worker 1, round 3: coins 1 where only 0 are tossed',
    });
  });

  test('a payload that is too long, or cut', async () => {
    for (const way of ['down', 'up'] as const) {
      const longer = inRound3(way, (bytes) => [Uint8Array.of(...bytes, ...new Uint8Array(1000))]);
      expect(await refused(longer, off)).toMatchObject({ refusal: 'oversized', worker: 1, round: 3 });
      expect(
        await refused(
          inRound3(way, (bytes) => [bytes.subarray(0, -1)]),
          off,
        ),
      ).toMatchObject({ refusal: 'payload' });
      expect(
        await refused(
          inRound3(way, (bytes) => [bytes.subarray(0, 7)]),
          off,
        ),
      ).toMatchObject({ refusal: 'truncated' });
    }
  });

  test('a duplicate evaluation, and one of another round', async () => {
    const twice =
      (round: number): Fault =>
      (frame) =>
        frame.kind === FrameKind.evaluation && frame.worker === 1 && frame.round === round
          ? [frame.bytes, frame.bytes]
          : undefined;
    const training = await opened(twice(2), off);
    await training.round();
    await training.round();
    await training.evaluate();
    await expect(training.round()).rejects.toMatchObject({ refusal: 'duplicate', worker: 1, round: 3 });
    await training.close();
    const stale: Fault = (frame) => {
      if (frame.kind !== FrameKind.evaluate || frame.worker !== 1) return undefined;
      const older = frame.bytes.slice();
      older[4] = 4;
      return [older];
    };
    expect(await refused(stale, off)).toMatchObject({ refusal: 'stale', worker: 1, counted: { stale: 1 } });
  });
});

test('a training goes on from a snapshot after a frame was refused, to the same x; the summary says what was refused', async () => {
  let faulty = true;
  const fault = inRound3('up', (bytes) => (faulty ? [flip(bytes, 70), bytes] : [bytes]));
  const training = await opened(fault);
  await training.round();
  await training.round();
  const state = await training.snapshot();
  await expect(training.round()).rejects.toMatchObject({ refusal: 'damaged' });
  faulty = false;
  await training.restore(state);
  for (let k = 2; k < ROUNDS; k++) await training.round();
  const metrics = await training.evaluate();
  const summary = await summarize(training, aboutRun(training, 0), metrics, 'rounds');
  // the whole frame behind the damaged one, and those of the workers that nobody asked any more
  expect(summary.refused?.damaged).toBe(1);
  expect(Object.keys(summary.refused ?? {}).sort()).toEqual(['damaged', 'stale']);

  const whole = await opened(() => undefined);
  await rounds(whole);
  expect(training.xHash()).toBe(whole.xHash());
  expect(training.ledger.snapshot()).toEqual(whole.ledger.snapshot());
  expect(whole.ledger.refused).toEqual({});
  expect(await summarize(whole, aboutRun(whole, 0), metrics, 'rounds')).not.toHaveProperty('refused');
  await training.close();
  await whole.close();
});

describe.each(Object.keys(suites))('%s', (name) => {
  const { identity, problem } = suites[name] as (typeof suites)[string];
  const own = { ...base, ...problem, ...(identity === false ? {} : identity) };
  const method = own.method === base.method ? name : own.method;

  test('ends at the same x with a checksum, and sends four bytes more a message', async () => {
    const run = async (checksum: 'on' | 'off') => {
      const training = await openInProcess({ ...own, method, checksum } as TrainOptions);
      for (let k = 0; k < 12; k++) await training.round();
      return training;
    };
    const [on, off] = [await run('on'), await run('off')];
    expect(on.xHash()).toBe(off.xHash());
    for (const link of ['uplink', 'downlink'] as const) {
      const [sealed, plain] = [on.ledger.total(link), off.ledger.total(link)];
      expect(sealed).toEqual({ ...plain, frameBytes: plain.frameBytes + CHECKSUM_BYTES * plain.messages });
    }
    // what the transport below is handed
    expect(on.fleet.transport.stats.sentBytes).toBe(on.ledger.frameBytes.downlink);
    expect(on.fleet.transport.stats.receivedBytes).toBe(on.ledger.frameBytes.uplink);
  });
});

test('threads, paced and modelled links carry checksums', async () => {
  const hash = async (options: TrainOptions) => {
    const training = await openInProcess({ ...base, ...options });
    await rounds(training);
    return {
      xHash: training.xHash(),
      bytes: training.ledger.frameBytes,
      seconds: (await training.evaluate()).modelSeconds,
    };
  };
  const plain = await hash({});
  const on = { checksum: 'on', transport: 'threads', threads: 2 } as const;
  const sealed = await hash(on);
  expect(sealed.xHash).toBe(plain.xHash);
  expect(sealed.bytes.uplink).toBeGreaterThan(plain.bytes.uplink);
  expect(await hash({ ...on, link: 'up=1gbit,down=1gbit' })).toEqual(sealed);
  // a link takes the bytes that the ledger counts: 8 kbit/s is a byte a millisecond
  const link = { linkModel: 'up=8kbit,down=1000gbit,compute=0ms,server=0ms', workers: 1, method: 'gd' };
  const [without, withIt] = [await hash({ ...link }), await hash({ ...link, checksum: 'on' })];
  expect((withIt.seconds as number) - (without.seconds as number)).toBeCloseTo((CHECKSUM_BYTES * ROUNDS) / 1000, 6);
});

test('every method says how many coins it tosses', () => {
  const tossed = Object.fromEntries(Object.values(methods).map(({ name, coins }) => [name, coins]));
  expect(Object.entries(tossed).filter(([, coins]) => coins === undefined)).toEqual([]);
  expect(tossed).toMatchObject({ m3: 2, marina: 1, 'pp-marina': 1, 'marina-p': 1, 'vr-diana': 1, gd: 0, diana: 0 });
});

test('explain counts them too', async () => {
  const bytes = async (checksum: 'auto' | 'on') => {
    const { uplink, denseBytes } = await explain(parseOptions({ ...base, method: 'gd', checksum }));
    return [uplink.bytesPerRound, denseBytes];
  };
  expect(await bytes('auto')).toEqual([HEADER_BYTES + 160, HEADER_BYTES + 160]);
  expect(await bytes('on')).toEqual([HEADER_BYTES + CHECKSUM_BYTES + 160, HEADER_BYTES + CHECKSUM_BYTES + 160]);
});
