import { crc32 } from 'node:zlib';
import type { Runtime } from '@flotilla/core';
import { parseOptions, type TrainOptions } from '@flotilla/server';
import { Training } from '@flotilla/server/internal';
import type { Bench } from './bench.js';

/** Bytes of a frame: a compressed one of the default job, 5 kB, a dense one of the default job, one of 11.7 million coordinates. */
const SIZES = [1420, 5000, 100_360, 47_000_000];
/** Bytes that are summed up for one time. */
const BYTES = 200e6;
const JOBS: Readonly<Record<string, TrainOptions>> = { 'the default job': {}, 'gradient descent': { method: 'gd' } };
const BLOCK = 10;

/** What the checksums of frames cost: alone, and in a run. */
export const checksum: Bench = {
  name: 'checksum',
  summary: 'what checksums of frames cost: microseconds a frame, and rounds with them beside rounds without',
  async run({ quick, smoke, runtime, log }) {
    const repeats = smoke ? 1 : quick ? 5 : 15;
    const frames = SIZES.map((bytes) => ({ bytes, microseconds: timeOfOne(bytes, repeats, smoke, runtime) }));
    log('the checksum alone is measured');
    const jobs = [];
    for (const [job, options] of Object.entries(JOBS)) {
      jobs.push({ job, ...(await inTurns(options, smoke ? 2 : quick ? 15 : 40, runtime)) });
      log(`${job} is measured`);
    }
    return {
      results: { frames, jobs },
      tables: [
        {
          title: 'The CRC-32 of one frame, the shortest time',
          columns: ['bytes', 'microseconds', 'GB/s'],
          rows: frames.map(({ bytes, microseconds }) => [
            bytes,
            microseconds.toFixed(2),
            (bytes / microseconds / 1000).toFixed(2),
          ]),
        },
        {
          title: `Rounds on threads in turns, ${BLOCK} at a time: CPU milliseconds a round of all threads; medians and quartiles`,
          columns: ['job', 'without', 'with', 'ratio of CPU time', 'ratio of wall time'],
          rows: jobs.map(({ job, off, on, cpu, wall }) => [
            ...[job, at(off, 0.5).toFixed(2), at(on, 0.5).toFixed(2), quartiles(cpu), quartiles(wall)],
          ]),
        },
      ],
    };
  },
};

/** Microseconds, the least of some repeats. */
function timeOfOne(bytes: number, repeats: number, smoke: boolean, runtime: Runtime): number {
  const frame = new Uint8Array(bytes).map((_, k) => 31 * k);
  const times = smoke ? 1 : Math.ceil(BYTES / bytes);
  let least = Number.POSITIVE_INFINITY;
  for (let k = 0; k < repeats; k++) {
    const from = runtime.now();
    for (let n = 0; n < times; n++) crc32(frame);
    least = Math.min(least, (1000 * (runtime.now() - from)) / times);
  }
  return least;
}

/** CPU milliseconds a round without and with checksums, block by block, and the ratios of each pair; each list ascending. */
async function inTurns(options: TrainOptions, pairs: number, runtime: Runtime) {
  const open: Training[] = [];
  try {
    for (const way of ['off', 'on'] as const) {
      open.push(await Training.open(parseOptions({ ...options, checksum: way }), { runtime }));
    }
    const [without, withIt] = open as [Training, Training];
    const block = async (training: Training) => {
      const from = runtime.now();
      const { user, system } = process.cpuUsage();
      for (let k = 0; k < BLOCK; k++) await training.round();
      const spent = process.cpuUsage();
      return { wall: runtime.now() - from, cpu: (spent.user + spent.system - user - system) / 1000 };
    };
    const off: number[] = [];
    const on: number[] = [];
    const wall: number[] = [];
    const cpu: number[] = [];
    for (let pair = -1; pair < pairs; pair++) {
      // whoever is first changes, so that neither is always behind the other
      const isFirst = pair % 2 === 0;
      const before = isFirst ? await block(without) : undefined;
      const sealed = await block(withIt);
      const plain = before ?? (await block(without));
      // the first pair warms up
      if (pair < 0) continue;
      off.push(plain.cpu / BLOCK);
      on.push(sealed.cpu / BLOCK);
      wall.push(sealed.wall / plain.wall);
      cpu.push(sealed.cpu / plain.cpu);
    }
    for (const list of [off, on, wall, cpu]) list.sort((a, b) => a - b);
    return { off, on, wall, cpu };
  } finally {
    for (const training of open) await training.close();
  }
}

const at = (list: readonly number[], share: number) => list[Math.floor(share * (list.length - 1))] as number;
const quartiles = (list: readonly number[]) =>
  `${at(list, 0.5).toFixed(3)} (${at(list, 0.25).toFixed(3)} to ${at(list, 0.75).toFixed(3)})`;
