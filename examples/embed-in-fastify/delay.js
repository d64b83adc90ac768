// @ts-check
// How late is the host's event loop while the default job trains (20 workers, 20 threads), and how late when it is idle?
import { availableParallelism } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { train } from '@flotilla/server';

/** Intervals at which a timer of 1 ms fires while `work` goes on: what is above 1 ms is delay. @param {() => Promise<unknown>} work */
async function measure(work) {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  const from = performance.now();
  await work();
  histogram.disable();
  const [p50, p99] = [histogram.percentile(50), histogram.percentile(99)];
  const row = { p50, p99, max: histogram.max };
  const intervals = Object.fromEntries(
    Object.entries(row).map(([name, ns]) => [`${name} ms`, Number((ns / 1e6).toFixed(2))]),
  );
  return { seconds: Number(((performance.now() - from) / 1000).toFixed(1)), samples: histogram.count, ...intervals };
}

await setTimeout(1000); // what the imports left to do
const rounds = Number(process.argv[2] ?? 100);
const training = await measure(() => train({ rounds }).result);
await setTimeout(1000);
const idle = await measure(() => setTimeout(training.seconds * 1000));
console.log(`${availableParallelism()} cores, Node ${process.version}, ${rounds} rounds`);
console.table({ idle, training });
