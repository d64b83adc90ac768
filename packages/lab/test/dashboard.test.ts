/// <reference lib="dom" />
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Metrics, Summary } from '../../server/dist/index.js';
import { commandLine, main } from './command-line.js';

const CHROMIUM = '/usr/bin/chromium';
const browserPresent = existsSync(CHROMIUM);
if (!browserPresent) console.warn(`${CHROMIUM} is not there: runs are not watched in a browser`);

const { flotilla, folder } = commandLine('dashboard');
const JOB = '--problem heterogeneous-quadratic:d=40 --workers 4 --method marina --step-size 0.01 --eval-every 100';

const rowsOf = (run: string): Metrics[] =>
  readFileSync(join(folder(), run, 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
const summaryOf = (run: string): Summary => JSON.parse(readFileSync(join(folder(), run, 'summary.json'), 'utf8'));

describe('the command line', () => {
  test('a run that nobody watches ends as ever; --json and --quiet leave the address on stderr', async () => {
    const { code, stdout, stderr } = await flotilla(`${JOB} --rounds 200 --out plain --json --quiet --dashboard`);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ rounds: 200, stopReason: 'rounds' });
    expect(stderr).toMatch(/^dashboard: http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{20,}\n$/);
  });

  test('a port that is taken is refused before anything is trained, and so is what is no port', async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as { port: number };
    const taken = await flotilla(`${JOB} --rounds 20 --out taken --dashboard ${port}`);
    expect(taken.code).toBe(2);
    expect(taken.stderr).toMatch(
      new RegExp(`^flotilla: --dashboard ${port} cannot be had: .*any that is free is taken\n$`),
    );
    expect(existsSync(join(folder(), 'taken'))).toBe(false);
    server.close();
    for (const [words, message] of [
      ['--dashboard 0', '--dashboard must be a port, a whole number from 1 to 65535, not "0"'],
      ['--dashboard=x', '--dashboard must be a port, a whole number from 1 to 65535, not "x"'],
      ['--dashboard=', '--dashboard must not be empty'],
      ['--dashboard --seeds 0..1 --out s', '--dashboard shows one run; those of --seeds: flotilla dashboard s'],
      ['--dashboard --explain', '--dashboard shows a run, and --explain makes none; leave out one of them'],
    ]) {
      const result = await flotilla(`${JOB} --rounds 20 ${words}`);
      expect(result, words).toEqual({ code: 2, stdout: '', stderr: `flotilla: ${message}\n` });
    }
    const noRun = await flotilla('dashboard nothing');
    expect(noRun).toEqual({
      code: 2,
      stdout: '',
      stderr: 'flotilla: "nothing" does not hold a run: no folder is there\n',
    });
    expect((await flotilla('dashboard')).stderr).toBe('flotilla: dashboard needs the folder of at least one run\n');
  });

  test('a value behind --dashboard is its port, and any other word is not', async () => {
    const { code, stderr } = await flotilla(`start --dashboard ${JOB} --rounds 20 --out order`);
    expect([code, stderr.includes('dashboard: http')]).toEqual([0, true]);
  });
});

describe.skipIf(!browserPresent)('a run in a browser', () => {
  let browser: Browser;
  let page: Page;
  let child: ChildProcess | undefined;
  let said = '';
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  });
  afterEach(async () => {
    await page?.close();
    child?.kill('SIGKILL');
  });
  afterAll(() => browser.close());

  /** Starts the command, and opens the page that it names. */
  async function watch(words: string): Promise<{ ended: Promise<number | null>; complaints: string[] }> {
    said = '';
    const started = spawn(process.execPath, [main, ...words.split(' ')], {
      cwd: folder(),
      env: { ...process.env, npm_lifecycle_event: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = started;
    const ended = new Promise<number | null>((done) => started.on('exit', done));
    const url = await new Promise<string>((done) => {
      const look = (chunk: Buffer) => {
        said += chunk;
        const [found] = /http:\/\/127\S+/.exec(said) ?? [];
        if (found !== undefined) done(found);
      };
      started.stderr.on('data', look);
      started.stdout.on('data', look);
    });
    page = await browser.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => complaints.push(message.text()));
    await page.goto(url);
    return { ended, complaints };
  }

  const says = (selector: string, text: string | RegExp) =>
    expect.poll(() => page.locator(selector).textContent(), { timeout: 25_000 }).toMatch(text);
  const tile = async (name: string) =>
    Number(
      await page
        .locator('#tiles > div', { has: page.locator(`dt:text-is("${name}")`) })
        .locator('data')
        .getAttribute('value'),
    );

  test('its curves move, and at its end the page has the rows and numbers of metrics.jsonl; it waits for the page to be closed', async () => {
    const { ended, complaints } = await watch(`${JOB} --time-limit 6 --out watched --dashboard`);
    await says('#connection-text', 'connected');
    const label = () => page.locator('.plot').nth(1).getAttribute('aria-label');
    await expect.poll(label, { timeout: 20_000 }).toMatch(/from [\d.e+]+ at rounds 0 to/);
    const before = await label();
    await expect.poll(label, { timeout: 15_000 }).not.toBe(before);
    await says('#workers-summary', /^4 workers|^Worker \d is the slowest/);
    await says('#connection-text', 'the run has ended');
    const rows = rowsOf('watched');
    await says('#rows-count', `${rows.length.toLocaleString('en-US')} rows so far`);
    const last = rows[rows.length - 1];
    expect(await tile('f')).toBe(last.loss);
    expect(await tile('‖∇f‖²')).toBe(last.gradNormSq);
    expect(await tile('round')).toBe(last.round);
    expect(await tile('uplink')).toBe(last.uplink.frameBytes);
    expect(await tile('downlink')).toBe(last.downlink.frameBytes);
    // as the page leads to it
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByText('model.safetensors').click()]);
    expect(readFileSync(await file.path())).toEqual(readFileSync(join(folder(), 'watched', 'model.safetensors')));
    expect(await page.locator('#config').textContent()).toContain('problemheterogeneous-quadratic:d=40');
    expect(said).toContain('the page stays until it is closed in the browser');
    expect(complaints).toEqual([]);
    await page.close();
    expect(await ended).toBe(0);
  });

  test('a checkpoint lies on the disk when the page says so; stop ends the run, whose summary says aborted', async () => {
    const { ended } = await watch(`${JOB} --rounds 100000000 --checkpoint-every never --out stopped --dashboard`);
    await says('#rows-count', /\d+ rows so far/);
    await page.locator('#checkpoint').click();
    await says('#said', /Checkpoint of round \d+ is on the disk/);
    const [, round] = /round (\d+)/.exec((await page.locator('#said').textContent()) ?? '') ?? [];
    expect(existsSync(join(folder(), 'stopped', 'checkpoint', `round-${round}.ckpt`))).toBe(true);
    await page.locator('#stop').click();
    await page.locator('#confirm-yes').click();
    await says('#connection-text', 'the run has ended');
    expect(await ended).toBe(130);
    expect(summaryOf('stopped')).toMatchObject({ stopReason: 'aborted' });
    expect(await tile('round')).toBe(summaryOf('stopped').rounds);
    expect(said).toMatch(
      /flotilla: the run was aborted after round \d+; go on with: flotilla start --resume stopped\n$/,
    );
    await says('#connection-text', 'the run has ended, and the server with it');
  });

  test('a process that is killed is shown as gone, with all that it told', async () => {
    await watch(`${JOB} --rounds 100000000 --out killed --dashboard`);
    await says('#rows-count', /\d\d rows so far/);
    child?.kill('SIGKILL');
    await says('#connection-text', 'the server is gone');
    expect(await page.locator('#tiles').isVisible()).toBe(true);
    expect(await page.locator('#stop').isVisible()).toBe(false);
  });

  test('run folders are shown side by side until Ctrl-C, one that is interrupted among them', async () => {
    for (const method of ['gd', 'marina']) {
      const { code } = await flotilla(`${JOB} --rounds 1000 --out ${method} --quiet`.replace('marina', method));
      expect(code).toBe(0);
    }
    // as a kill leaves it: half a row, and no summary
    mkdirSync(join(folder(), 'half'));
    writeFileSync(join(folder(), 'half', 'config.json'), readFileSync(join(folder(), 'gd', 'config.json')));
    const text = readFileSync(join(folder(), 'gd', 'metrics.jsonl'), 'utf8');
    writeFileSync(join(folder(), 'half', 'metrics.jsonl'), text.split('\n').slice(0, 6).join('\n').slice(0, -9));
    const { ended, complaints } = await watch('dashboard gd marina half');
    const label = () => page.locator('.plot').first().getAttribute('aria-label');
    await expect
      .poll(label, { timeout: 20_000 })
      .toMatch(/gd · gd: from .* to .* at rounds 1,000; marina · marina: from .*; gd · half: .* at rounds 400/);
    const last = rowsOf('gd').pop() as Metrics;
    expect([await tile('f'), await tile('uplink')]).toEqual([last.loss, last.uplink.frameBytes]);
    await says('#connection-text', 'the run has ended');
    for (const name of ['stop', 'checkpoint', 'resume', 'delete']) {
      expect(await page.locator(`#${name}`).isVisible(), name).toBe(false);
    }
    expect(complaints).toEqual([]);
    child?.kill('SIGINT');
    expect(await ended).toBe(0);
    await says('#connection-text', 'the server with it');
  });
});
