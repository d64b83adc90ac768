import type { Direction } from '@flotilla/compressors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ledger, MESSAGE_KINDS, type MessageKind, type Tally } from '../dist/ledger.js';

const directions: readonly Direction[] = ['uplink', 'downlink'];
const counters = ['payloadBytes', 'frameBytes', 'paperBits', 'coordinates'] as const;
type Message = Omit<Tally, 'messages'>;
const none: Tally = { messages: 0, payloadBytes: 0, frameBytes: 0, paperBits: 0, coordinates: 0 };

interface Entry {
  direction: Direction;
  worker: number;
  kind: MessageKind;
  message: Message;
}

const count = fc.integer({ min: 0, max: 2 ** 40 });
const entries = (workers: number): fc.Arbitrary<Entry[]> =>
  fc.array(
    fc.record({
      direction: fc.constantFrom(...directions),
      worker: fc.nat({ max: workers - 1 }),
      kind: fc.constantFrom(...MESSAGE_KINDS),
      message: fc.record({ payloadBytes: count, frameBytes: count, paperBits: count, coordinates: count }),
    }),
    { maxLength: 60 },
  );

/** The definition of a total, in integers without a bound. */
function expected(log: readonly Entry[], direction: Direction, match: { worker?: number; kind?: MessageKind }): Tally {
  const matching = log.filter(
    (entry) =>
      entry.direction === direction &&
      (match.worker === undefined || entry.worker === match.worker) &&
      (match.kind === undefined || entry.kind === match.kind),
  );
  const sums = counters.map((counter) => [
    counter,
    Number(matching.reduce((sum, { message }) => sum + BigInt(message[counter]), 0n)),
  ]);
  return { messages: matching.length, ...(Object.fromEntries(sums) as Message) };
}

describe('ledger', () => {
  it('totals what was recorded, for every filter', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }).chain((workers) => fc.tuple(fc.constant(workers), entries(workers))),
        ([workers, log]) => {
          const ledger = new Ledger(workers);
          for (const { direction, worker, kind, message } of log) ledger.record(direction, worker, kind, message);
          for (const direction of directions) {
            expect(ledger.total(direction)).toEqual(expected(log, direction, {}));
            for (const kind of MESSAGE_KINDS) {
              expect(ledger.total(direction, { kind })).toEqual(expected(log, direction, { kind }));
            }
            for (let worker = 0; worker < workers; worker++) {
              expect(ledger.total(direction, { worker })).toEqual(expected(log, direction, { worker }));
              for (const kind of MESSAGE_KINDS) {
                expect(ledger.total(direction, { worker, kind })).toEqual(expected(log, direction, { worker, kind }));
              }
            }
          }
          expect(ledger.frameBytes).toEqual({
            uplink: expected(log, 'uplink', {}).frameBytes,
            downlink: expected(log, 'downlink', {}).frameBytes,
          });
        },
      ),
    );
  });

  it('is empty at first', () => {
    const ledger = new Ledger(3);
    expect(ledger.total('uplink')).toEqual(none);
    expect(ledger.total('downlink', { worker: 2, kind: 'none' })).toEqual(none);
    expect(ledger.frameBytes).toEqual({ uplink: 0, downlink: 0 });
  });

  it('copies the counts of a message: the boundary uses the object again', () => {
    const ledger = new Ledger(1);
    const message = { payloadBytes: 10, frameBytes: 18, paperBits: 80, coordinates: 2 };
    ledger.record('uplink', 0, 'dense', message);
    message.payloadBytes = 0;
    message.frameBytes = 8;
    ledger.record('uplink', 0, 'dense', message);
    expect(ledger.total('uplink')).toEqual({
      messages: 2,
      payloadBytes: 10,
      frameBytes: 26,
      paperBits: 160,
      coordinates: 4,
    });
  });

  it('returns a total of its own that later messages do not change', () => {
    const ledger = new Ledger(1);
    const before = ledger.total('downlink');
    ledger.record('downlink', 0, 'start', { payloadBytes: 0, frameBytes: 8, paperBits: 0, coordinates: 0 });
    expect(before).toEqual(none);
  });

  it('stays exact beyond 32 bits: a petabyte in odd pieces', () => {
    const ledger = new Ledger(2);
    // 2^50 + 1 has no f32 and no int32; its multiples up to 2^53 are exact integers
    const payloadBytes = 2 ** 50 + 1;
    const message = { payloadBytes, frameBytes: payloadBytes + 8, paperBits: 2 ** 52 - 1, coordinates: 2 ** 47 + 1 };
    for (let k = 0; k < 7; k++) ledger.record('uplink', 1, 'compressed', message);
    expect(ledger.total('uplink', { worker: 1 })).toMatchObject({
      messages: 7,
      payloadBytes: 7 * 2 ** 50 + 7,
      frameBytes: 7 * 2 ** 50 + 63,
      coordinates: 7 * 2 ** 47 + 7,
    });
    expect(ledger.total('uplink', { worker: 0 })).toEqual(none);
  });

  it('counts 100,000 messages one by one', () => {
    const ledger = new Ledger(1);
    const message = { payloadBytes: 0xffff_ffff, frameBytes: 0xffff_ffff + 8, paperBits: 9, coordinates: 1 };
    for (let k = 0; k < 100_000; k++) ledger.record('downlink', 0, 'dense', message);
    expect(ledger.total('downlink', { kind: 'dense' })).toEqual({
      messages: 100_000,
      payloadBytes: 429_496_729_500_000,
      frameBytes: 429_496_730_300_000,
      paperBits: 900_000,
      coordinates: 100_000,
    });
  });
});
