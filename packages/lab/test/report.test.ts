/// <reference lib="dom" />
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Metrics, type TrainOptions, train } from '../../server/dist/index.js';
import { rowsOf } from '../../server/test/in-process.js';
import { drawChart } from '../dist/report/chart.js';
import { meanCurve } from '../dist/report/curves.js';
import { renderPage } from '../dist/report/page.js';
import { runReport, writeRunReport } from '../dist/report/run-report.js';

const CHROMIUM = '/usr/bin/chromium';
const browserPresent = existsSync(CHROMIUM);
if (!browserPresent) console.warn(`${CHROMIUM} is not there: pages are not opened in a browser`);

const common: TrainOptions = {
  problem: 'heterogeneous-quadratic:d=40',
  workers: 4,
  transport: 'loopback',
  stepSize: 0.5,
  rounds: 60,
  evalEvery: 2,
  method: 'marina',
};

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-report-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const html = (run: string) => readFileSync(join(folder, run, 'report.html'), 'utf8');

describe('report.html of a run', () => {
  test('a run that is aborted has one as far as it came; one that diverged says where', async () => {
    const abort = new AbortController();
    const run = train({ ...common, rounds: 1e9, out: join(folder, 'aborted'), signal: abort.signal });
    run.result.catch(() => undefined);
    const rows: Metrics[] = [];
    try {
      for await (const row of run) {
        rows.push(row);
        if (row.round === 10) abort.abort();
      }
    } catch (error) {
      expect(error).toMatchObject({ code: 'aborted' });
    }
    expect(rows.length).toBeGreaterThan(5);
    await writeRunReport(join(folder, 'aborted'));
    expect(html('aborted')).toMatch(/stopped by aborted/);
    expect(html('aborted').match(/<figure/g)?.length).toBe(10);

    const diverging = train({ ...common, stepSize: 1e3, rounds: 1000, out: join(folder, 'diverged') });
    const { message } = await diverging.result.then(Promise.reject, (error: Error) => error);
    expect(message).toMatch(/^diverged in round/);
    await writeRunReport(join(folder, 'diverged'), message);
    expect(html('diverged')).toMatch(/ended before its time: diverged in round \d+/);
  });

  test('every text from options is escaped', async () => {
    const seed = `</script><script>document.title = 'no'</script><img src=x onerror=alert(1)>"'&`;
    await train({ ...common, seed, rounds: 4, out: join(folder, 'hostile') }).result;
    await writeRunReport(join(folder, 'hostile'));
    const page = html('hostile');
    expect(page).not.toContain('<img');
    // the page's own script, and one block of data for each of ten charts
    expect(page.match(/<script/g)?.length).toBe(1 + 10);
    expect(page).toContain('&lt;/script&gt;&lt;script&gt;');
  });
});

test('ten curves look like ten: where colours come again, dashes and markers do not', async () => {
  const series = Array.from({ length: 10 }, (_, k) => ({
    name: `curve ${k}`,
    points: [[0, k] as const, [1, k + 1] as const],
  }));
  const { svg } = await drawChart({ title: '', xLabel: 'x', yLabel: 'y', series }, 640, 400);
  const lines = [...svg.matchAll(/<path d="M0 4\.5L34 4\.5"[^>]*stroke="(var\(--chart-\d\))"[^>]*>/g)];
  const looks = lines.map(([path, colour]) => `${colour} ${/stroke-dasharray="([^"]*)"/.exec(path)?.[1]}`);
  expect(looks).toHaveLength(10);
  expect(new Set(looks).size).toBe(10);
});

test('the mean of curves at equal x, and the band between the smallest and the largest', () => {
  const { points, band } = meanCurve('m', [
    [...[[0, 1] as const, [2, 3] as const], [4, 5]],
    [...[[0, 3] as const], [3, 0]],
  ]);
  expect(points).toEqual([
    [0, 2],
    [2, (3 + 1) / 2],
    [3, (4 + 0) / 2],
  ]);
  expect(band).toEqual([
    [0, 1, 3],
    [2, 1, 3],
    [3, 0, 4],
  ]);
  expect(meanCurve('one', [[[1, 2]]])).toEqual({ name: 'one', points: [[1, 2]] });
});

describe.skipIf(!browserPresent)('in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  });
  afterAll(() => browser.close());

  /** Opens a page of this run; every address it asks for, and every error, is kept. */
  async function open(path: string, width: number) {
    const page = await browser.newPage({ viewport: { width, height: 900 } });
    const asked: string[] = [];
    const errors: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => errors.push(message.text()));
    const url = pathToFileURL(path).href;
    await page.goto(url);
    return { page, url, asked, errors };
  }

  /** Values that a drawn curve's path has at its vertices, read off the drawing by its axes. */
  const drawn = (page: Page, figure: number, drawing: number, series: number) =>
    page.evaluate(
      ([figure, drawing, series]) => {
        const element = document.querySelectorAll('figure')[figure];
        const data = JSON.parse(element.querySelector('script')?.textContent ?? '');
        const svg = element.querySelectorAll('svg')[drawing];
        const path = svg.querySelector(`path[stroke="var(--chart-${series})"][stroke-width="1.8"]`);
        const numbers = (path?.getAttribute('d') ?? '').match(/-?[\d.]+(?:e-?\d+)?/g)?.map(Number) ?? [];
        const { x, y } = data.axes[drawing];
        const value = (pixel: number, axis: { from: number; by: number }, log: boolean) =>
          log ? 10 ** ((pixel - axis.from) / axis.by) : (pixel - axis.from) / axis.by;
        return {
          visible: svg.getBoundingClientRect().width > 0,
          points: numbers.flatMap((px, k) =>
            k % 2 === 0 ? [[value(px, x, data.xLog), value(numbers[k + 1], y, data.yLog)]] : [],
          ),
        };
      },
      [figure, drawing, series],
    );

  test('ten charts show every evaluated row; nothing is fetched; values stand under the pointer', async () => {
    const out = join(folder, 'shown');
    const run = train({ ...common, out });
    const rows = await rowsOf(run);
    await run.result;
    await writeRunReport(out);
    const axes = [
      (row: Metrics) => row.round,
      (row: Metrics) => row.uplink.frameBytes,
      (row: Metrics) => row.downlink.frameBytes,
      (row: Metrics) => row.uplink.frameBytes + row.downlink.frameBytes,
      (row: Metrics) => row.seconds,
    ];
    for (const [width, drawing] of [
      [1400, 0],
      [400, 1],
    ]) {
      const { page, url, asked, errors } = await open(join(out, 'report.html'), width);
      expect(await page.locator('figure').count()).toBe(2 * axes.length);
      for (const [k, axis] of axes.entries()) {
        for (const [v, value] of [(row: Metrics) => row.loss, (row: Metrics) => row.gradNormSq].entries()) {
          const { visible, points } = await drawn(page, 2 * k + v, drawing, 0);
          expect(visible).toBe(true);
          // points that fall on the same pixel are drawn once: how many do in the chart of seconds is the machine's affair
          if (k < 4) expect(points.length, `chart ${2 * k + v}`).toBe(rows.length);
          else expect(points.length).toBeGreaterThan(1);
          const span = axis(rows[rows.length - 1]);
          const reach = Math.max(...rows.map(value)) - Math.min(...rows.map(value));
          for (const [r, [x, y]] of k < 4 ? points.entries() : []) {
            // drawn to a few hundredths of a pixel of some hundred
            expect(Math.abs(x - axis(rows[r])) / span).toBeLessThan(2e-3);
            expect(Math.abs(y - value(rows[r])) / reach).toBeLessThan(1e-2);
          }
        }
      }
      const svg = page.locator('figure').nth(1).locator('svg').nth(drawing);
      const box = await svg.boundingBox();
      const last = (await drawn(page, 1, drawing, 0)).points.length - 1;
      expect(box).not.toBeNull();
      const at = await page.evaluate(
        ([drawing, x, y]) => {
          const element = document.querySelectorAll('figure')[1];
          const data = JSON.parse(element.querySelector('script')?.textContent ?? '');
          const axis = data.axes[drawing];
          const shown = element.querySelectorAll('svg')[drawing];
          const scale = shown.getBoundingClientRect().width / shown.viewBox.baseVal.width;
          const py = axis.y.from + axis.y.by * (data.yLog ? Math.log10(y) : y);
          return [scale * (axis.x.from + axis.x.by * x), scale * py];
        },
        [drawing, rows[last].round, rows[last].gradNormSq],
      );
      await svg.hover({ position: { x: at[0], y: at[1] } });
      const text = await page.locator('figure').nth(1).locator('output').textContent();
      expect(text).toContain('marina\n');
      expect(text).toContain(`rounds: ${rows[last].round}\n`);
      expect(text).toContain(`‖∇f(x)‖²: ${Number(rows[last].gradNormSq.toPrecision(5))}`);
      // no part of the page is wider than the page
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      expect({ asked, errors }).toEqual({ asked: [url], errors: [] });
      await page.close();
    }
  });

  test('seeds become one curve with a band; methods get curves of their own', async () => {
    const folders: string[] = [];
    for (const [method, seed] of [
      ['marina', '0'],
      ['marina', '1'],
      ['gd', '0'],
    ]) {
      folders.push(join(folder, `${method}-${seed}`));
      await train({ ...common, method, seed, out: folders[folders.length - 1] }).result;
    }
    const page = await runReport(folders);
    const data = [...page.matchAll(/<script type="application\/json">(.*?)<\/script>/g)].map(([, json]) =>
      JSON.parse(json),
    );
    expect(data[0].series.map(({ name }: { name: string }) => name)).toEqual(['marina', 'gd']);
    expect(page.match(/fill="var\(--chart-0\)" [^>]*opacity|fill-opacity="0.18"/)).not.toBeNull();
  });

  test('means and deviations of eleven columns fit 1200 pixels, bytes with their unit', async () => {
    const path = join(folder, 'spreads.html');
    const columns = ['run', 'seeds', 'f', 'accuracy', 'validation loss', 'validation accuracy', 'rounds', 'uplink'];
    const row = ['m3', '5', ...Array(6).fill('0.041233 ± 0.002'), ...Array(3).fill('31.4 kB ± 1.00 kB')];
    const tables = [{ title: '', columns: [...columns, 'downlink', 'total', 'wall seconds'], rows: [row] }];
    writeFileSync(path, await renderPage('Seeds', [{ tables }]));
    const { page } = await open(path, 1200);
    const found = await page.evaluate(() => {
      const box = document.querySelector('.scroll') as HTMLElement;
      const spread = [...document.querySelectorAll('.spread')].at(-1) as HTMLElement;
      return {
        hidden: box.scrollWidth - box.clientWidth,
        lines: spread.getClientRects().length,
        text: spread.textContent,
      };
    });
    expect(found).toEqual({ hidden: 0, lines: 2, text: '31.4\u00a0kB ±\u00a01.00\u00a0kB' });
  });

  test('nothing is cut at 400 pixels: long names are broken, rows of tables become blocks, legends stand clear', async () => {
    const path = join(folder, 'narrow.html');
    const names = ['a', 'b', 'c', 'd', 'e'].map((name) => `uplink rand-k:k=10+natural, ${name}, step size theory*0.5`);
    const series = names.map((name, k) => ({
      name,
      points: [[0, k] as const, [2e6, 2 + k] as const],
      band: [[0, k - 9, k + 1] as const, [2e6, 1, 3 + k] as const],
    }));
    const chart = { title: names.join(), xLabel: 'bytes', yLabel: 'f(x)', xUnit: 'bytes' as const, series };
    const table = { title: names.join(), columns: names, rows: [names, [1, null, 'x'.repeat(80), '4', '5 ± 1']] };
    writeFileSync(path, await renderPage('x'.repeat(70), [{ charts: [chart], tables: [table], code: 'y'.repeat(90) }]));
    const { page } = await open(path, 400);
    const cut = await page.evaluate(() => {
      const { clientWidth, scrollWidth } = document.documentElement;
      const visible = [...document.querySelectorAll('h1,p,pre,td,caption,svg text')].filter(
        (element) => element.getClientRects().length > 0,
      );
      const texts = [...document.querySelectorAll('.narrow svg text')];
      const boxes = texts.map((element) => element.getBoundingClientRect());
      const overlaps = boxes.filter((a, k) =>
        boxes.some(
          (b, j) => j > k && a.left < b.right && b.left < a.right && a.top + 3 < b.bottom && b.top + 3 < a.bottom,
        ),
      );
      return {
        wider: scrollWidth - clientWidth,
        outside: visible.filter((element) => {
          const { left, right } = element.getBoundingClientRect();
          const hidden = element instanceof HTMLElement && element.scrollWidth > element.clientWidth + 1;
          return left < 0 || right > clientWidth || hidden;
        }).length,
        legend: texts.filter((element) => element.textContent?.startsWith('uplink')).length,
        overlaps: overlaps.length,
      };
    });
    expect(cut).toMatchObject({ wider: 0, outside: 0, overlaps: 0 });
    expect(cut.legend).toBeGreaterThanOrEqual(names.length);
    // ticks have units, and the band lies inside the axes
    const texts = await page.locator('.narrow svg text').allTextContents();
    expect(texts.filter((text) => / [kM]B$/.test(text)).length).toBeGreaterThan(2);
    expect(Math.min(...texts.filter((text) => /^-?\d+$/.test(text)).map(Number))).toBeLessThanOrEqual(-9);
    await page.close();
  });

  test('dark where the reader is', async () => {
    const path = join(folder, 'scheme.html');
    const chart = {
      title: 't',
      xLabel: 'x',
      yLabel: 'y',
      series: [{ name: 's', points: [[0, 1] as const, [1, 2] as const] }],
    };
    writeFileSync(path, await renderPage('Scheme', [{ charts: [chart] }]));
    const { page } = await open(path, 800);
    const colours = () =>
      page.evaluate(() => [
        getComputedStyle(document.body).backgroundColor,
        getComputedStyle(document.querySelector('figure rect') as Element).fill,
      ]);
    await page.emulateMedia({ colorScheme: 'light' });
    expect(await colours()).toEqual(['rgb(255, 255, 255)', 'rgb(255, 255, 255)']);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await colours()).toEqual(['rgb(22, 24, 27)', 'rgb(22, 24, 27)']);
    // paper is white
    await page.emulateMedia({ colorScheme: 'dark', media: 'print' });
    expect(await colours()).toEqual(['rgb(255, 255, 255)', 'rgb(255, 255, 255)']);
    await page.close();
  });
});
