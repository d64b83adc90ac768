import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Host, LONG, openHost, QUICK } from './host.js';

const TOKEN = 'a-token-of-some-length';

/** Samples of an exposition: `name{labels}` and value. */
async function samples(host: Host): Promise<Map<string, number>> {
  const response = await host.request('/metrics');
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

describe('what is told to Prometheus', () => {
  it('is what the run has come to', async () => {
    const host = await openHost();
    const id = await host.start({ ...QUICK, workers: 3, rounds: 200 });
    await host.until(id, 'done');
    const summary = (await (await host.request(`/runs/${id}/summary`)).json()) as Record<string, number> & {
      uplink: { frameBytes: number };
      downlink: { frameBytes: number };
    };
    const found = await samples(host);
    const of = (name: string, labels = '') => found.get(`${name}{run="${id}"${labels}}`);
    expect(of('flotilla_uplink_bytes_total')).toBe(summary.uplink.frameBytes);
    expect(of('flotilla_downlink_bytes_total')).toBe(summary.downlink.frameBytes);
    expect(of('flotilla_rounds_total')).toBe(200);
    expect(of('flotilla_loss')).toBe(summary.loss);
    expect(of('flotilla_grad_norm_squared')).toBe(summary.gradNormSq);
    expect(of('flotilla_workers_restarted_total')).toBe(0);
    const seconds = [0, 1, 2].map((worker) => of('flotilla_worker_seconds_total', `,worker="${worker}"`) ?? Number.NaN);
    expect(seconds.reduce((a, b) => a + b)).toBeCloseTo(summary.computeSeconds ?? Number.NaN, 6);
    // a histogram: cumulated, and as many as there were rounds
    const buckets = [...found].filter(([name]) => name.startsWith('flotilla_round_duration_seconds_bucket'));
    const counts = buckets.map(([, count]) => count);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(buckets.at(-1)).toEqual([`flotilla_round_duration_seconds_bucket{run="${id}",le="+Inf"}`, 200]);
    expect(of('flotilla_round_duration_seconds_count')).toBe(200);
    // within what the buckets allow; the first exchange of gradients is no round
    const bounds = buckets.map(([name]) => Number(/le="(.*)"/.exec(name)?.[1]?.replace('+Inf', 'Infinity')));
    let [least, most] = [0, 0];
    counts.forEach((count, k) => {
      const own = count - (counts[k - 1] ?? 0);
      if (own > 0) least += own * (bounds[k - 1] ?? 0);
      if (own > 0) most += own * (bounds[k] ?? 0);
    });
    const sum = of('flotilla_round_duration_seconds_sum') ?? Number.NaN;
    expect(sum).toBeGreaterThanOrEqual(least);
    expect(sum).toBeLessThanOrEqual(Math.min(most, summary.wallSeconds ?? 0));
    await host.close();
  });

  it('has no worker of a run that has more of them than are shown, and no run that is gone', async () => {
    const host = await openHost({ limits: { meteredWorkers: 2 } });
    const [many, few] = [await host.start({ ...QUICK, workers: 3 }), await host.start(QUICK)];
    await host.until(few, 'done');
    const names = [...(await samples(host)).keys()];
    const workers = names.filter((name) => name.startsWith('flotilla_worker_seconds_total'));
    expect(workers).toEqual([0, 1].map((worker) => `flotilla_worker_seconds_total{run="${few}",worker="${worker}"}`));
    expect(names).toContain(`flotilla_loss{run="${many}"}`);
    for (const id of [many, few]) await host.request(`/runs/${id}`, { method: 'DELETE' });
    expect((await samples(host)).size).toBe(0);
    await host.close();
  });

  it('is two apps apart', async () => {
    const [one, other] = [await openHost(), await openHost()];
    await one.until(await one.start(QUICK), 'done');
    expect((await samples(other)).size).toBe(0);
    await one.close();
    await other.close();
  });
});

const version = (() => {
  try {
    return execFileSync('prometheus', ['--version'], { stdio: ['ignore', 'pipe', 'pipe'] })
      .toString()
      .split('\n')[0];
  } catch {
    return undefined;
  }
})();

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

describe.skipIf(version === undefined)(
  `a real Prometheus (${version ?? 'not installed: apt-get install prometheus'})`,
  () => {
    it('scrapes a run with the token, and answers for it', async () => {
      const host = await openHost({ token: TOKEN });
      const folder = mkdtempSync(join(tmpdir(), 'flotilla-prometheus-'));
      const port = await freePort();
      const config = join(folder, 'prometheus.yml');
      const lines = [
        ...[
          'global:',
          '  scrape_interval: 1s',
          'scrape_configs:',
          '  - job_name: flotilla',
          '    metrics_path: /flotilla/metrics',
        ],
        ...[
          '    authorization:',
          `      credentials: ${TOKEN}`,
          '    static_configs:',
          `      - targets: ['127.0.0.1:${host.port}']`,
        ],
      ];
      writeFileSync(config, `${lines.join('\n')}\n`);
      const storage = `--storage.tsdb.path=${join(folder, 'data')}`;
      const prometheus = spawn(
        'prometheus',
        [`--config.file=${config}`, storage, `--web.listen-address=127.0.0.1:${port}`],
        { stdio: 'ignore' },
      );
      const exited = once(prometheus, 'exit');
      try {
        const done = await host.start({ ...QUICK, rounds: 100 });
        const { uplinkBytes } = await host.until(done, 'done');
        const running = await host.start(LONG);
        const query = async (text: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]> => {
          const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(text)}`);
          return ((await answer.json()) as { data: { result: [] } }).data.result;
        };
        const numberOf = async (text: string) => Number((await query(text).catch(() => []))[0]?.value[1] ?? Number.NaN);
        const patience = { timeout: 60_000, interval: 500 };
        await expect.poll(() => numberOf(`flotilla_uplink_bytes_total{run="${done}"}`), patience).toBe(uplinkBytes);
        expect(await numberOf(`flotilla_round_duration_seconds_count{run="${done}"}`)).toBe(100);
        expect(await numberOf('up{job="flotilla"}')).toBe(1);
        // what the dashboard asks for
        await expect
          .poll(() => numberOf(`rate(flotilla_rounds_total{run="${running}"}[10s])`), patience)
          .toBeGreaterThan(0);
        const quantile = `histogram_quantile(0.5, rate(flotilla_round_duration_seconds_bucket{run="${running}"}[10s]))`;
        await expect.poll(() => numberOf(quantile), patience).toBeGreaterThan(0);
      } finally {
        prometheus.kill('SIGTERM');
        await exited;
        rmSync(folder, { recursive: true, force: true });
        await host.close();
      }
    });
  },
);
