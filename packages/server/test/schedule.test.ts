import { SimulatedRuntime } from '@flotilla/protocol/testing';
import { describe, expect, test } from 'vitest';
import { parseCheckpointEvery, Schedule } from '../dist/checkpoint/schedule.js';

describe('how often', () => {
  test.each([
    ['60s', { ms: 60_000 }],
    ['0.5s', { ms: 500 }],
    ['1e3s', { ms: 1e6 }],
    [100, { rounds: 100 }],
    ['100', { rounds: 100 }],
    ['never', 'never'],
  ])('%s', (text, every) => {
    expect(parseCheckpointEvery(text)).toEqual(every);
  });

  test.each(['0', '0s', '-1s', '1.5', 's', '60 s', '1m', '1e10', 'Never', 'Infinitys'])('%s is refused', (text) => {
    expect(() => parseCheckpointEvery(text)).toThrow(
      `checkpointEvery must be a whole number of rounds from 1 to 1000000000, seconds such as 60s, or never, not "${text}"`,
    );
  });
});

describe('when', () => {
  test('rounds: each N-th, and not the one that was gone on from', () => {
    const schedule = new Schedule({ rounds: 5 }, new SimulatedRuntime());
    schedule.taken(10);
    expect([10, 11, 14, 15, 16, 20].filter((round) => schedule.isDue(round))).toEqual([15, 20]);
  });

  test('seconds: counted from the end of the last one', async () => {
    const runtime = new SimulatedRuntime();
    const schedule = new Schedule({ ms: 1000 }, runtime);
    await runtime.sleep(999);
    expect(schedule.isDue(1)).toBe(false);
    await runtime.sleep(1);
    expect(schedule.isDue(2)).toBe(true);
    // writing it took five seconds
    await runtime.sleep(5000);
    schedule.taken(2);
    await runtime.sleep(999);
    expect(schedule.isDue(3)).toBe(false);
    await runtime.sleep(1);
    expect(schedule.isDue(3)).toBe(true);
  });

  test('never', () => {
    expect(new Schedule('never', new SimulatedRuntime()).isDue(100)).toBe(false);
  });
});
