import { readFileSync } from 'node:fs';
import { methods } from '@flotilla/core';
import { FrameKind, type HostEnd } from '@flotilla/protocol';
import { describe, expect, test } from 'vitest';
import { drawSchedule } from '../dist/testing/simulation/draw.js';
import type { FaultyParts } from '../dist/testing/simulation/life.js';
import type { Schedule } from '../dist/testing/simulation/schedule.js';
import { shrink } from '../dist/testing/simulation/shrink.js';
import { simulate } from '../dist/testing/simulation/simulate.js';

// A slice of `pnpm test:sim`. What fails here is told again, shrunk, by `pnpm test:sim --seed SEED`.

test('a hundred and twenty schedules: as undisturbed, or a typed error and from there as undisturbed', async () => {
  const complaints: string[] = [];
  let fired = 0;
  let lives = 0;
  for (let seed = 1; seed <= 120; seed++) {
    const verdict = await simulate(drawSchedule(seed));
    if (verdict.complaint !== undefined) complaints.push(`seed ${seed}: ${verdict.complaint}`);
    fired += verdict.fired.length;
    lives += verdict.lives;
  }
  expect(complaints).toEqual([]);
  expect(fired, 'faults have happened').toBeGreaterThan(120);
  expect(lives, 'runs have gone on').toBeGreaterThan(150);
});

test.each(Object.keys(methods))('%s', async (name) => {
  for (let seed = 1; seed <= 2; seed++) {
    expect((await simulate(drawSchedule(seed, name))).complaint, `seed ${seed}`).toBeUndefined();
  }
});

interface Found {
  /** What was wrong. */
  readonly was: string;
  readonly schedule: Schedule;
}

const found: Found[] = JSON.parse(readFileSync(new URL('./simulation-found.json', import.meta.url), 'utf8'));

test.each(found)('found once: $was', async ({ schedule }) => {
  const { complaint, fired } = await simulate(schedule);
  expect(complaint).toBeUndefined();
  // else it no longer is about what it was found by
  expect(fired.toSorted()).toEqual(schedule.faults.map((fault) => fault.do).toSorted());
});

test('a schedule is the same whenever it is run', async () => {
  for (const seed of [3, 17, 101, 164]) {
    const schedule = drawSchedule(seed);
    expect(drawSchedule(seed)).toEqual(schedule);
    expect(JSON.parse(JSON.stringify(schedule))).toEqual(schedule);
    const first = await simulate(schedule);
    expect(await simulate(schedule)).toEqual(first);
  }
});

/** A host's end whose worker says that it has taken a state, and has not. */
function forgetful(end: HostEnd): HostEnd {
  return {
    ...end,
    take(worker) {
      const frame = end.take(worker);
      if (frame?.[0] !== FrameKind.restore) return frame;
      const answer = frame.slice(0, 8);
      answer[0] = FrameKind.restored;
      end.release(worker);
      end.claim(worker, answer.length).set(answer);
      end.commit(worker, answer.length);
      return this.take(worker);
    },
  };
}

/** A host's end that rounds the last value of every tenth uplink up: a worker that computes a little differently. */
function sloppy(end: HostEnd): HostEnd {
  let room: Uint8Array = new Uint8Array(0);
  let uplinks = 0;
  return {
    ...end,
    claim(worker, bytes) {
      room = end.claim(worker, bytes);
      return room;
    },
    commit(worker, length) {
      if (room[0] === FrameKind.uplink && ++uplinks % 10 === 0) room[8] = (room[8] ?? 0) ^ 1;
      end.commit(worker, length);
    },
  };
}

/** What does not do what it should. */
interface Broken {
  readonly parts?: FaultyParts;
  readonly change?: (drawn: Schedule) => Schedule;
  /** Seeds in which the simulation has to see it. */
  readonly seeds: number;
  /** Those that have no such fault cannot, and are not run. */
  readonly by?: RegExp;
}

const broken: Readonly<Record<string, Broken>> = {
  'checksums are not looked at': {
    seeds: 200,
    by: /"flip"/,
    change: (drawn) => ({ ...drawn, options: { ...drawn.options, checksum: 'off' } }),
  },
  'a worker forgets to take its state': { seeds: 40, parts: { end: forgetful } },
  'a worker computes a little differently': { seeds: 10, parts: { end: sloppy } },
  'nothing is synced': {
    seeds: 150,
    by: /"power"/,
    parts: { disk: (disk) => ({ ...disk, fsyncSync: () => undefined }) },
  },
  'names are not synced': {
    seeds: 250,
    by: /"power"/,
    parts: {
      disk: (disk) => ({ ...disk, fsyncSync: (file) => disk.fstatSync(file).isFile() && disk.fsyncSync(file) }),
    },
  },
  'rows are not cut': { seeds: 60, parts: { disk: (disk) => ({ ...disk, ftruncateSync: () => undefined }) } },
  'a disk that writes nothing, and says so': {
    seeds: 10,
    parts: { disk: (disk) => ({ ...disk, writeSync: (file: number) => disk.writeSync(file, new Uint8Array(0)) }) },
  },
  'a host that does not answer what is sent to all hosts': {
    seeds: 10,
    parts: { end: (end) => ({ ...end, takeControl: () => void end.takeControl() }) },
  },
};

describe('sees it when', () => {
  test.each(Object.entries(broken))('%s', async (_what, { parts, seeds, by, change = (drawn) => drawn }) => {
    let complaint: string | undefined;
    for (let seed = 1; seed <= seeds && complaint === undefined; seed++) {
      const drawn = drawSchedule(seed);
      if (by?.test(JSON.stringify(drawn.faults)) === false) continue;
      ({ complaint } = await simulate(change(drawn), parts));
    }
    expect(complaint).toBeDefined();
  });
});

test('what fails is shrunk to what it needs', async () => {
  const fails = async (schedule: Schedule) => (await simulate(schedule, { end: forgetful })).complaint !== undefined;
  let seed = 1;
  while (!(await fails(drawSchedule(seed)))) seed++;
  const smallest = await shrink(drawSchedule(seed), fails);
  expect(await fails(smallest)).toBe(true);
  expect(smallest.faults).toHaveLength(1);
  expect(smallest).toMatchObject({ jitter: { ms: 0 }, longer: 0 });
  // with anything less it does not fail
  const { threads } = smallest;
  if (threads > 1) expect(await fails({ ...smallest, threads: threads - 1 })).toBe(false);
});
