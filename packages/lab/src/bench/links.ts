import { FlotillaError, KeyedRandom, type Runtime } from '@flotilla/core';
import { createThreadTransport, FrameKind, HEADER_BYTES, linkServerEnd, linksOf, parseLink } from '@flotilla/protocol';
import { threadPool } from '@flotilla/server/internal';
import type { Bench } from './bench.js';
import type { EchoTask } from './echo-host.js';

/** Bytes of a frame: a compressed message and a dense vector of the default job. */
const SIZES = [HEADER_BYTES + 1412, HEADER_BYTES + 4 * 25_088];
const LINKS = [1, 10, 100, 1000].flatMap((speed) => [
  `down=${speed}mbit,latency=10ms`,
  `up=${speed}mbit,latency=10ms`,
  `up=${speed}mbit,down=${speed}mbit`,
]);
/** Longest time that one kind of transfer is repeated, in milliseconds. */
const BUDGET_MS = 5000;
const MAX_TRANSFERS = 50;

/** How long transfers over paced links take, beside what they should. */
export const links: Bench = {
  name: 'links',
  summary: 'accuracy of paced links: a frame there and back, beside bytes · 8 / rate + latency',
  async run({ quick, smoke, runtime, log }) {
    const results = [];
    // the fastest, where it is only to be seen that they run
    for (const link of smoke ? LINKS.slice(-3) : LINKS) {
      for (const bytes of SIZES) {
        const { exact, took } = await transfers(link, bytes, quick ? 3 : MAX_TRANSFERS, runtime);
        results.push({ link, bytes, exact, took });
        log(`${link}, ${bytes} bytes: ${took.length} transfers`);
      }
    }
    const at = (took: readonly number[], share: number) => took[Math.floor(share * (took.length - 1))] as number;
    const excess = (took: number, exact: number) => `${(100 * (took / exact - 1)).toFixed(2)} %`;
    return {
      results,
      tables: [
        {
          title: 'A frame there and back over one paced link, milliseconds',
          columns: ['link', 'bytes', 'transfers', 'exact', 'shortest', 'median', '90 %', 'median above exact'],
          rows: results.map(({ link, bytes, exact, took }) => [
            ...[link, bytes, took.length, exact.toFixed(2)],
            ...[0, 0.5, 0.9].map((share) => at(took, share).toFixed(2)),
            excess(at(took, 0.5), exact),
          ]),
        },
      ],
    };
  },
};

/** Milliseconds of some transfers, ascending, and what each should take. */
async function transfers(
  text: string,
  bytes: number,
  most: number,
  runtime: Runtime,
): Promise<{ exact: number; took: number[] }> {
  const workers = 1;
  const links = linksOf(parseLink(text), workers, new KeyedRandom('0'));
  const exact = [links.down, links.up].reduce(
    (sum, rate) => sum + (8000 * bytes) / (rate[0] as number) + (links.latency[0] as number),
    0,
  );
  const { server: end, attachments } = createThreadTransport(
    { workers, threads: 1, maxFrameBytes: bytes + 64 },
    runtime,
  );
  const server = linkServerEnd(end, runtime);
  const pool = threadPool<EchoTask, void>(new URL('./echo-host.js', import.meta.url).href, 1);
  const tasks = attachments.map((attachment) => pool.run({ attachment, links }, attachment.port));
  const exchange = async () => {
    const from = runtime.now();
    const room = server.claim(0, bytes);
    room[0] = FrameKind.downlink;
    server.commit(0, bytes);
    server.flush();
    while (server.receive(0, 50) === undefined) {
      await runtime.yield();
      if (runtime.now() - from > 60_000) throw new FlotillaError('worker-lost', 'the echo does not answer');
    }
    server.release(0);
    return runtime.now() - from;
  };
  try {
    // the first waits for the thread
    await exchange();
    const took: number[] = [];
    for (const from = runtime.now(); took.length < most && runtime.now() - from < BUDGET_MS; ) {
      took.push(await exchange());
    }
    return { exact, took: took.sort((a, b) => a - b) };
  } finally {
    server.close();
    await Promise.all(tasks);
    await pool.close();
  }
}
