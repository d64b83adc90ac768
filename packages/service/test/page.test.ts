// Long: all that the page does, in one browser.
/// <reference lib="dom" />
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { PretendedRun, serveContract } from './contract-server.js';

const CHROMIUM = '/usr/bin/chromium';
const browserPresent = existsSync(CHROMIUM);
if (!browserPresent) console.warn(`${CHROMIUM} is not there: the live page is not opened in a browser`);

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

type Server = Awaited<ReturnType<typeof serveContract>>;
type Look = { width?: number; colorScheme?: 'light' | 'dark'; height?: number };

/** Looks at a run over a stream that repeats rows, one of them without the round that it was stopped at in between. */
const DOUBTFUL_STREAM = `(async () => {
  const { Watch } = await import(location.origin + '/page/watch.js');
  const { ask } = await import(location.origin + '/page/api.js');
  let made = 0;
  const counts = [];
  window.EventSource = class extends EventTarget {
    static CLOSED = 2;
    constructor() {
      super();
      made++;
      const say = (rounds) => {
        const data = JSON.stringify(rounds.map((round) => ({ round })));
        this.dispatchEvent(new MessageEvent('rows', { data }));
      };
      setTimeout(() => {
        say([0, 2]);
        say([2, 4, 5]);
        say([0, 2, 4, 6]);
      });
    }
    close() {}
  };
  const watch = new Watch(await ask('runs/a'), (one) => counts.push(one.rows.length));
  await new Promise((done) => setTimeout(done, 200));
  watch.close();
  return { made, rounds: watch.rows.items().map(({ round }) => round), most: Math.max(...counts) };
})()`;

/** Draws charts of values from 1e-29 to 1e25 over one to twenty powers of ten, all kinds of axes in turn; says how many. */
const CHARTS_OF_ALL_RANGES = `(async () => {
  const { Chart } = await import(location.origin + '/page/chart.js');
  let state = 1;
  const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
  let drawn = 0;
  for (let k = 0; k < 60; k++) {
    const low = 10 ** (random() * 54 - 29);
    const high = low * 10 ** (random() ** 3 * 20);
    const x = 10 ** (random() * 20 - 10);
    const chart = new Chart('f');
    document.querySelector('main').prepend(chart.element);
    const curve = { name: 'a', place: 0, xs: [0, x, x * (1 + random() * 1e4)], ys: [null, low, high] };
    chart.show(() => ({ curves: [curve], xLabel: 'rounds', xLog: k % 2 === 0, yLog: k % 3 > 0 }));
    while (chart.element.querySelector('canvas') === null) await new Promise((done) => setTimeout(done, 5));
    await new Promise((done) => requestAnimationFrame(done));
    drawn++;
    chart.element.remove();
  }
  return drawn;
})()`;

describe.skipIf(!browserPresent)('the live page in a browser', () => {
  let browser: Browser;
  const servers: Server[] = [];
  const pages: Page[] = [];
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  });
  afterEach(async () => {
    for (const page of pages.splice(0)) await page.close();
    for (const server of servers.splice(0)) await server.close();
  });
  afterAll(() => browser.close());

  async function serve(runs: PretendedRun[], options?: Parameters<typeof serveContract>[1]) {
    const server = await serveContract(runs, options);
    servers.push(server);
    return server;
  }

  /** Opens the page; whatever a policy or a script has to complain of is kept. */
  async function open(url: string, { width = 1280, height = 900, colorScheme = 'light' }: Look = {}) {
    const page = await browser.newPage({ viewport: { width, height }, colorScheme });
    pages.push(page);
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => complaints.push(message.text()));
    await page.goto(url);
    return { page, complaints };
  }

  const says = (page: Page, selector: string, text: string | RegExp) =>
    expect.poll(() => page.locator(selector).textContent(), { timeout: 25_000 }).toMatch(text);

  /** The exact value of a tile. */
  const tile = async (page: Page, name: string) =>
    Number(
      await page
        .locator('#tiles > div', { has: page.locator(`dt:text-is("${name}")`) })
        .locator('data')
        .getAttribute('value'),
    );

  const picture = (page: Page, chart: number) =>
    page.evaluate((k) => document.querySelectorAll('canvas')[k].toDataURL(), chart);

  test('curves move while the run trains; at its end the page has all rows and their numbers, and nothing is asked of elsewhere', async () => {
    const run = new PretendedRun('a', { rounds: 600 });
    const { url, asked } = await serve([run], { rounds: 12 });
    const { page, complaints } = await open(url);
    const elsewhere: string[] = [];
    page.on('request', (request) => elsewhere.push(new URL(request.url()).origin));
    await says(page, '#connection-text', 'connected');
    await expect.poll(() => page.locator('.plot canvas').count(), { timeout: 15_000 }).toBeGreaterThanOrEqual(2);
    const label = page.locator('.plot').first();
    const [before, labelBefore] = [await picture(page, 0), await label.getAttribute('aria-label')];
    await expect.poll(() => picture(page, 0), { timeout: 15_000 }).not.toBe(before);
    await expect.poll(() => label.getAttribute('aria-label'), { timeout: 15_000 }).not.toBe(labelBefore);
    await says(page, '#connection-text', 'the run has ended');
    const last = run.rows[run.rows.length - 1];
    await says(page, '#rows-count', '61 rows so far');
    expect(run.rows.length).toBe(61);
    for (const [name, value] of [
      ['f', last.loss],
      ['‖∇f‖²', last.gradNormSq],
      ['round', 600],
      ['uplink', last.uplink.frameBytes],
      ['downlink', last.downlink.frameBytes],
      ['accuracy', last.metrics.accuracy],
      ['validation accuracy', last.validation.accuracy],
    ] as const) {
      expect(await tile(page, name), name).toBe(value);
    }
    const first = await page.locator('#rows-body th').first().textContent();
    expect(first).toBe('600');
    expect(await page.locator('#run-state').textContent()).toBe('done');
    expect(await page.locator('#stop').isVisible()).toBe(false);
    expect(complaints).toEqual([]);
    expect(new Set(elsewhere)).toEqual(new Set([new URL(url).origin]));
    expect(asked.filter(({ path }) => path.endsWith('/events')).length).toBe(1);
  });

  test('a stream that is cut goes on where it was, and a dead server is gone until it is back', async () => {
    const run = new PretendedRun('a', { rounds: 1e6 });
    run.advance(1000);
    const server = await serve([run]);
    const { page } = await open(server.url);
    await says(page, '#connection-text', 'connected');
    await says(page, '#rows-count', /1\d\d rows/);
    server.cut();
    const streams = () => server.asked.filter(({ path }) => path.endsWith('/events'));
    await expect.poll(() => streams().length, { timeout: 10_000 }).toBe(2);
    expect(Number(streams()[1].lastEventId)).toBeGreaterThan(100);
    await says(page, '#connection-text', 'connected');

    await server.close();
    servers.splice(0);
    await says(page, '#connection-text', 'the server is gone');
    expect(await page.locator('#stop').isVisible()).toBe(false);
    const again = await serve([run], { port: server.port });
    await says(page, '#connection-text', 'connected');
    expect(Number(again.asked.find(({ path }) => path.endsWith('/events'))?.lastEventId)).toBeGreaterThan(100);
    run.end('stopped', 'aborted');
    await says(page, '#connection-text', 'the run has ended');
    await says(page, '#rows-count', `${run.rows.length} rows so far`);
  });

  test('rows that come again are taken once', async () => {
    const run = new PretendedRun('a', { rounds: 1e6 });
    run.advance(500);
    const { url } = await serve([run], { rounds: 0 });
    const { page } = await open(url);
    await says(page, '#rows-count', '51 rows so far');
    // as after a server that has lost its place
    const counted = await page.evaluate(DOUBTFUL_STREAM);
    expect(counted).toEqual({ made: 1, rounds: [0, 2, 4, 5, 6], most: 5 });
  });

  test('axes of any range have ticks', async () => {
    const { url } = await serve([new PretendedRun('a')]);
    const { page, complaints } = await open(url);
    expect(await page.evaluate(CHARTS_OF_ALL_RANGES)).toBe(60);
    expect(complaints).toEqual([]);
  });

  test('after twelve seconds without a word the page is stale', async () => {
    const server = await serve([new PretendedRun('a')]);
    const { page } = await open(server.url);
    await says(page, '#connection-text', 'connected');
    server.hush();
    await says(page, '#connection-text', 'stale');
    server.hush(false);
    await says(page, '#connection-text', 'connected');
  });

  test('the token of the address becomes a cookie and leaves the address; without one the page says what it needs', async () => {
    const { url, asked } = await serve([new PretendedRun('a')], { token: 'secret' });
    const { page } = await open(`${url}#token=wrong`);
    await says(page, '#notice', 'open the address that it printed');
    expect(await page.locator('#run').isVisible()).toBe(false);
    // the right one in the same tab changes the fragment alone
    await page.evaluate(() => {
      location.hash = 'token=secret';
    });
    await says(page, '#connection-text', 'connected');
    expect(await page.locator('#notice').isVisible()).toBe(false);
    expect(new URL(page.url()).hash).toBe('');
    expect(asked.filter(({ path }) => path === '/session').map(({ body }) => body)).toEqual([
      '{"token":"wrong"}',
      '{"token":"secret"}',
    ]);
  });

  test('stop asks first, by keys too; checkpoint says of which round; resume and delete are there for a run that was stopped', async () => {
    const run = new PretendedRun('a', { rounds: 1e6 });
    const { url, asked } = await serve([run, new PretendedRun('b')]);
    const { page } = await open(url);
    await page.locator('#checkpoint').click();
    await says(page, '#said', /Checkpoint of round \d+ is on the disk/);
    await page.locator('#stop').focus();
    await page.keyboard.press('Enter');
    await says(page, '#confirm-text', /Stop m3, run a,/);
    await page.keyboard.press('Escape');
    await expect.poll(() => page.locator('dialog[open]').count()).toBe(0);
    expect(run.state).toBe('running');
    // the button takes no click until it has heard that the dialog is closed
    await expect.poll(() => page.locator('#stop').getAttribute('aria-busy')).toBe(null);
    await page.locator('#stop').focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => page.locator('dialog[open]').count()).toBe(1);
    // the first of the two buttons is No
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await says(page, '#run-state', 'stopped');
    await says(page, '#connection-text', 'the run has ended');
    expect(asked.filter(({ path }) => path === '/runs/a/stop').length).toBe(1);
    await page.locator('#resume').click();
    await says(page, '#run-state', 'running');
    await says(page, '#connection-text', 'connected');
    run.end('stopped', 'aborted');
    await page.locator('#delete').click();
    await page.locator('#confirm-yes').click();
    await says(page, '#said', 'Run a is deleted');
    await says(page, '#run-about', / b$/);
    expect(asked.filter(({ method }) => method === 'DELETE').map(({ path }) => path)).toEqual(['/runs/a']);
  });

  test('several runs on one chart, of which the choice is kept in the address', async () => {
    const runs = ['a', 'b', 'c'].map((id, k) => new PretendedRun(id, { seed: k }));
    for (const run of runs) run.advance(1500);
    runs[1].end('done', 'rounds');
    const { url } = await serve(runs, {
      offers: { methods: [], problems: [], data: [], uplinks: [], downlinks: [], limits: {} },
    });
    const { page } = await open(url);
    await says(page, '#run-about', / a$/);
    await page.getByLabel('draw m3, run b').check();
    await page.locator('#against').getByText('uplink bytes').click();
    const label = () => page.locator('.plot').first().getAttribute('aria-label');
    await expect.poll(label, { timeout: 15_000 }).toMatch(/^f against uplink bytes\. m3 · a: from .*; m3 · b: from/);
    expect(await page.locator('#curves-title ~ .legend li').allInnerTexts()).toEqual(['m3 · a', 'm3 · b']);
    expect(new URL(page.url()).search).toBe('?runs=a,b&x=uplink');
    await page.reload();
    await expect.poll(label, { timeout: 15_000 }).toMatch(/^f against uplink bytes\. m3 · a: from .*; m3 · b: from/);
    // another one is shown in full, beside those that were drawn
    await page.locator('#run-list button').nth(2).click();
    await says(page, '#run-about', / c$/);
    await page.goBack();
    await says(page, '#run-about', / a$/);
  });

  test('a service that has offers gets a form; what it starts is shown', async () => {
    const offers = {
      methods: ['gd', 'marina'],
      problems: ['quadratic'],
      data: [],
      uplinks: ['rand-k:k=10'],
      downlinks: [],
      limits: { workers: 8, rounds: 1000 },
    };
    const { url, asked } = await serve([], { offers });
    const { page } = await open(url);
    await says(page, '#no-runs', 'There is no run yet');
    await page.getByText('New run').click();
    await page.locator('select[name=method]').selectOption('marina');
    await page.getByLabel(/^rounds \(/).fill('400');
    await page.getByRole('button', { name: 'Start' }).click();
    await says(page, '#run-about', /new-0/);
    const { body } = asked.find(({ method, path }) => method === 'POST' && path === '/runs') ?? { body: '{}' };
    expect(JSON.parse(body)).toEqual({
      method: 'marina',
      problem: 'quadratic',
      workers: 8,
      rounds: 400,
      evalEvery: 10,
      seed: '0',
    });
  });

  test('of 1,000 workers the slow one is named, ringed and first in the table, which can be sorted', async () => {
    const run = new PretendedRun('a', { workers: 1000, slow: [700] });
    run.advance(500);
    const { url } = await serve([run]);
    const { page } = await open(url);
    await says(page, '#workers-summary', /^Worker 700 is the slowest: .* computing, 2\.\d × the median/);
    const firstCell = () => page.locator('#workers-body th').first().textContent();
    expect(await firstCell()).toBe('700 ◆ slow');
    await page.getByRole('button', { name: 'worker', exact: true }).click();
    expect(await firstCell()).toBe('0');
    expect(await page.locator('#workers-body tr').count()).toBe(10);
    await page.getByRole('button', { name: 'More workers' }).click();
    expect(await page.locator('#workers-body tr').count()).toBe(60);
    await page.getByLabel('worker', { exact: true }).fill('999');
    await says(page, '#worker-detail', /^worker 999: computing/);
    // under the pointer
    const box = await page.locator('.workers-canvas').boundingBox();
    await page.locator('.workers-canvas').hover({ position: { x: (box?.width ?? 0) - 3, y: 3 } });
    await says(page, '#worker-detail', /^worker \d+: computing/);
  });

  const looks = [360, 1280].flatMap((width) =>
    (['light', 'dark'] as const).map((colorScheme) => ({ width, colorScheme })),
  );
  test.each(looks)(
    'axe finds nothing serious, and nothing is wider than the page: $width pixels, $colorScheme',
    async (look) => {
      const runs = [new PretendedRun('a', { slow: [7] }), new PretendedRun('b'), new PretendedRun('c')];
      for (const run of runs) run.advance(900);
      runs[2].end('stopped', 'aborted');
      const offers = {
        methods: ['gd'],
        problems: ['quadratic'],
        data: ['mnist'],
        uplinks: [],
        downlinks: [],
        limits: {},
      };
      const { url } = await serve(runs, { offers });
      const { page, complaints } = await open(`${url}?runs=a,c`, look);
      await says(page, '#workers-summary', /^Worker 7 is the slowest/);
      for (const name of ['#runs-details', '#new-run']) {
        await page.locator(name).evaluate((details) => {
          (details as HTMLDetailsElement).open = true;
        });
      }
      // what nobody sees is not drawn, and what was opened above may have pushed the charts out of sight
      await page.locator('.plot').first().scrollIntoViewIfNeeded();
      await expect.poll(() => page.locator('.plot canvas').count(), { timeout: 15_000 }).toBeGreaterThanOrEqual(1);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(look.width);
      expect(complaints).toEqual([]);
      // by way of the debugger: a script element would be against the page's policy
      await page.evaluate(axe);
      const found = await page.evaluate(async () => {
        const { violations } = await (
          window as unknown as {
            axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> };
          }
        ).axe.run();
        return violations.map(
          ({ id, impact, nodes }) =>
            `${impact}: ${id}: ${nodes
              .map(({ html }) => html)
              .join(' ')
              .slice(0, 300)}`,
        );
      });
      expect(found).toEqual([]);
    },
  );
});
