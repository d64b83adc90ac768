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
  const client = await page.context().newCDPSession(page);
  await client.send('Performance.enable');
  const busy = async () => {
    const { metrics } = await client.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0;
  };
  const before = await busy();
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
  const share = ((await busy()) - before) / Number(seconds);
  console.log(
    `${workers} workers, ${width} px: frames every ${at(gaps, 0.5)} ms, 99 % within ${at(gaps, 0.99)}, the longest ${at(gaps, 1)}; ` +
      `tasks over 50 ms: ${tasks.length}, the longest ${at(tasks, 1)}; main thread busy ${(100 * share).toFixed(1)} % (wall)`,
  );
  await page.close();
}
await browser.close();
await server.close();
