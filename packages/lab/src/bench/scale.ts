import { FlotillaError } from '@flotilla/core';
import { parseOptions } from '@flotilla/server';
import { Training } from '@flotilla/server/internal';
import type { Bench, BenchContext } from './bench.js';

/** Coordinates, and how many of them a compressed uplink has. */
const DIMENSION = 1000;
const LINKS = 'up=1mbit..100mbit,down=5mbit..500mbit,latency=10ms..200ms,compute=50ms,server=1ms';
/** Bits a second of the server's own link, which all frames share. */
const SERVER_RATES = [1e9, 1e10];

interface Row {
  readonly workers: number;
  readonly sampled: number;
  readonly rounds: number;
  /** Seconds a round over the modelled links, which have a clock of their own each. */
  readonly modelled: number;
  /** Frame bytes a round. */
  readonly up: number;
  readonly down: number;
  readonly xHash: string;
  readonly megabytes: number;
  /** Milliseconds a round that all of it took in one process. */
  readonly took: number;
}

/** A hundred thousand workers, of which a hundredth takes part in a round, over links of their own in virtual time. */
export const scale: Bench = {
  name: 'scale',
  summary: 'PP-MARINA with up to 100,000 workers over modelled links: seconds and bytes a round, simulated',
  options: { workers: 'n, up to 100000 (default 1000, 10000 and 100000)' },
  async run(context) {
    const { options, quick, smoke, log } = context;
    const given = options.workers === undefined ? undefined : Number(options.workers);
    if (given !== undefined && !(Number.isInteger(given) && given >= 100 && given <= 1e5)) {
      throw new FlotillaError('usage', `--workers must be a whole number from 100 to 100000, not ${options.workers}`);
    }
    const sizes = given !== undefined ? [given] : smoke ? [200] : quick ? [1000, 10_000] : [1000, 10_000, 100_000];
    const rows: Row[] = [];
    for (const workers of sizes) {
      rows.push(await simulate(workers, smoke ? 3 : workers > 10_000 ? 10 : 30, context));
      log(`${workers} workers: simulated`);
    }
    return {
      results: { dimension: DIMENSION, links: LINKS, rows },
      tables: [
        {
          title: `PP-MARINA, a hundredth of the workers in a round, d = ${DIMENSION}, RandK with K = 10: a round, simulated`,
          columns: [
            ...['n', 'taking part', 'seconds over the links', 'bytes up', 'bytes down'],
            ...SERVER_RATES.map((rate) => `seconds of a server's link of ${rate / 1e9} Gbit/s`),
            ...['of memory', 'ms in this process', 'x'],
          ],
          rows: rows.map((row) => [
            ...[row.workers, row.sampled, row.modelled.toFixed(3), Math.round(row.up), Math.round(row.down)],
            ...SERVER_RATES.map((rate) => ((8 * (row.up + row.down)) / rate).toFixed(4)),
            ...[`${row.megabytes.toFixed(0)} MB`, row.took.toFixed(0), row.xHash.slice(0, 8)],
          ]),
        },
      ],
      notes: [
        `Every worker is there, with its own state, its own frames and a link of its own (${LINKS}, in virtual time). “Over the links” is what a round takes when every link has its rate and the server's has none; the server's own link is arithmetic: all bytes of a round over its rate. A downlink goes to every worker.`,
        'Bytes, seconds over the links and x are the same on every machine; memory and the time in this process are not.',
      ],
    };
  },
};

async function simulate(workers: number, rounds: number, { runtime }: BenchContext): Promise<Row> {
  const sampled = Math.ceil(workers / 100);
  const options = parseOptions({
    problem: `quadratic:d=${DIMENSION}`,
    method: `pp-marina:sampled=${sampled},p=0.001`,
    uplink: 'rand-k:k=10',
    transport: 'loopback',
    stepSize: 1e-3,
    linkModel: LINKS,
    maxRestarts: 0,
  });
  // more than the option takes: nobody shall start so many threads' worth of workers by a slip
  const training = await Training.open({ ...options, workers });
  try {
    await training.start();
    const before = { ...training.ledger.frameBytes };
    const modelled = training.linkModel?.seconds[0] ?? Number.NaN;
    const from = runtime.now();
    for (let round = 0; round < rounds; round++) await training.round();
    const took = (runtime.now() - from) / rounds;
    const { uplink, downlink } = training.ledger.frameBytes;
    return {
      workers,
      sampled,
      rounds,
      modelled: ((training.linkModel?.seconds[0] ?? Number.NaN) - modelled) / rounds,
      up: (uplink - before.uplink) / rounds,
      down: (downlink - before.downlink) / rounds,
      xHash: `${training.model().metadata.xHash}`,
      megabytes: process.memoryUsage.rss() / 1e6,
      took,
    };
  } finally {
    await training.close();
  }
}
