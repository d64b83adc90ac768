// @ts-check
// node packages/service/test/page-frames.js [WORKERS] [SECONDS] [ROWS]   how smooth the page is: gaps between frames, long tasks and
// processor time in Chromium, while rows come five times a second and meters twice
import { chromium } from 'playwright-core';
import { PretendedRun, serveContract } from './contract-server.js';

const [, , workers = '1000', seconds = '20', rows = '3000'] = process.argv;
const run = new PretendedRun('a', {
  workers: Number(workers),
  slow: [Math.floor(0.7 * Number(workers))],
  rounds: 1e9,
  rowEvery: 1,
});
run.advance(Number(rows));
const server = await serveContract([run], { rounds: 20 });
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
const sorted = (/** @type {number[]} */ values) => [...values].sort((a, b) => a - b);
const at = (/** @type {number[]} */ values, /** @type {number} */ share) =>
  (sorted(values)[Math.floor(share * (values.length - 1))] ?? 0).toFixed(1);

for (const width of [360, 1280, 2560]) {
  // high enough for all of the page to be drawn, which is more than anybody's screen shows
  const page = await browser.newPage({ viewport: { width, height: 3000 } });
  await page.goto(server.url);
  await page.waitForTimeout(3000);
  await browser.startTracing(page, { categories: ['toplevel'] });
  const { gaps, tasks } = await page.evaluate(async (ms) => {
    /** @type {number[]} */
    const tasks = [];
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
      entryTypes: ['longtask'],
    });
    /** @type {number[]} */
    const gaps = [];
    const end = performance.now() + ms;
    let last = performance.now();
    while (last < end) {
      const now = await new Promise((done) => requestAnimationFrame(done));
      gaps.push(now - last);
      last = now;
    }
    return { gaps, tasks };
  }, 1000 * Number(seconds));
  /** @type {{ traceEvents: { name: string, pid: number, tid: number, tdur: number, args: { name?: string } }[] }} */
  const { traceEvents } = JSON.parse(String(await browser.stopTracing()));
  // of the page's main thread, by its own processor time: what else is at work on the machine makes tasks long, and not busy
  const mains = traceEvents
    .filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
    .map(({ pid, tid }) =>
      traceEvents
        .filter((event) => event.pid === pid && event.tid === tid && event.tdur > 0 && /RunTask$/.test(event.name))
        .map(({ tdur }) => tdur / 1000),
    );
  const [busy] = mains.sort((a, b) => b.length - a.length);
  const share = busy.reduce((sum, one) => sum + one, 0) / 1000 / Number(seconds);
  console.log(
    `${workers} workers, ${width} px: frames every ${at(gaps, 0.5)} ms, 99 % within ${at(gaps, 0.99)}, the longest ${at(gaps, 1)}; ` +
      `tasks over 50 ms: ${tasks.length}, the longest ${at(tasks, 1)}; by processor time the longest ${at(busy, 1)} ms, ` +
      `99 % within ${at(busy, 0.99)}, and ${(100 * share).toFixed(1)} % of a core`,
  );
  await page.close();
}
await browser.close();
await server.close();
