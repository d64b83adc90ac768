import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { flotilla } from './command-line.js';
import { ElasticRuns, JOB, METHOD, ofOneProcess } from './elastic-runs.js';
import { hasBroker } from './nats-broker.js';
import type { Command } from './nats-command.js';

// Hosts that come and go, as processes of their own. Where nobody does, a run is that of one process, bit for bit. What takes its time
// to be noticed is in nats-elastic.long.test.ts.

test.each([
  [['--min-workers', '2'], /^flotilla: --min-workers 2 is for transport nats, and this is threads\n$/],
  [['--min-workers', '0'], /^flotilla: --min-workers must be a whole number from 1 to 10000, not 0\n$/],
  [
    ['--min-workers', '9', '--transport', 'nats', '--nats', 'nats://127.0.0.1:1', '--run', 'r'],
    /^flotilla: --min-workers 9 must be at most the run's workers, which are 8\n$/,
  ],
  [
    [
      '--min-workers',
      '4',
      '--transport',
      'nats',
      '--nats',
      'nats://127.0.0.1:1',
      '--run',
      'r',
      '--step-size',
      'theory',
    ],
    /^flotilla: --step-size must be a number with minWorkers 4: of workers that are away no constants are known\n$/,
  ],
])('%j is refused', async (words, line) => {
  const { code, stderr } = await flotilla(['start', ...JOB, '--quiet', '--method', METHOD, ...words], tmpdir());
  expect([code, stderr]).toEqual([2, expect.stringMatching(line)]);
});

describe.skipIf(!hasBroker)('--min-workers', () => {
  const runs = new ElasticRuns();
  const { start, host, serve, summary, rows } = runs;
  beforeAll(() => runs.open());
  afterAll(() => runs.close());

  test('pp-marina begins with half of the workers; the others come, are killed, come again: the run goes on', async () => {
    const run = 'comings';
    const first = host(run, '0..3');
    const server = serve(run, METHOD, [
      '--min-workers',
      '4',
      '--rounds',
      '1e9',
      '--eval-every',
      '50',
      '--checkpoint-every',
      '200',
    ]);
    await server.until('round 100 ');
    expect(rows(run).find(({ round }) => round === 50)).toMatchObject({ away: 4 });
    const second = host(run, '4..7');
    await server.until('a host has come; 8 of 8 workers are there');
    await second.kill();
    await server.until('the run goes on with 4 of 8 workers');
    const third = host(run, '4..7');
    await server.until('a host has come; 8 of 8 workers are there', 2);
    // the last word is of all of them, and nobody was started again
    await server.kill('SIGINT');
    for (const one of [first, third]) expect(await one.ended, one.said).toBe(0);
    expect(summary(run), server.said).toMatchObject({ attendance: { changes: 3, least: 4 } });
    expect(summary(run).repeated).toBeUndefined();
  });

  test('with all workers there from the beginning, the x of one process', async () => {
    const run = 'everybody';
    const server = serve(run, METHOD, ['--min-workers', '8', '--rounds', '60']);
    const hosts = [host(run, '0..3'), host(run, '4..7')];
    expect(await server.ended, server.said).toBe(0);
    for (const one of hosts) expect(await one.ended, one.said).toBe(0);
    const { xHash } = await ofOneProcess({ method: METHOD, rounds: 60, checksum: 'on' });
    expect(summary(run).xHash).toBe(xHash);
  });

  test('gd has all its workers in every round: it fails without them, or waits for them', async () => {
    const hosts = [host('fails', '0..3'), host('waits', '0..3')];
    const failing = serve('fails', 'gd', ['--min-workers', '4', '--rounds', '20', '--round-timeout', '3']);
    expect(await failing.ended).toBe(1);
    expect(failing.said).toContain('gd has all its workers in every round: the run waits for them');
    expect(failing.said).toContain('no host came for workers 4 to 7 within 3 s');
    const more = ['--min-workers', '4', '--rounds', '20', '--round-timeout', '2', '--on-straggler', 'wait'];
    const waiting = serve('waits', 'gd', more);
    await waiting.until('no host came for workers 4 to 7 within 2 s; the run goes on waiting');
    hosts.push(host('waits', '4..7'));
    expect(await waiting.ended, waiting.said).toBe(0);
    for (const one of hosts.slice(1)) expect(await one.ended, one.said).toBe(0);
    const { xHash } = await ofOneProcess({ method: 'gd', rounds: 20, checksum: 'on' });
    expect(summary('waits').xHash).toBe(xHash);
  });

  describe('the server is killed while hosts are away', () => {
    const N = 8;
    const D = 5;
    const STEP = 0.125;
    /** f_i(x) = ½ c_i xᵀXx − b_iᵀx, X = ¼ tridiag(−1, 2, −1) */
    const c = Array.from({ length: N }, (_, i) => 1 + i / 4);
    const b = Array.from({ length: D }, (_, j) => ((7 * j) % 5) - 1.5);
    const gradient = (x: ArrayLike<number>, workers: readonly number[]) => {
      const mean = workers.reduce((sum, i) => sum + (c[i] as number), 0) / workers.length;
      const at = (j: number) => x[j] ?? 0;
      return b.map((bj, j) => (mean * (2 * at(j) - at(j - 1) - at(j + 1))) / 4 - bj);
    };
    const FIRST = [0, 1, 2, 3];
    const EVERYBODY = Array.from({ length: N }, (_, i) => i);
    // no round asks all of them but those that have to: what g is of is seen for ever
    const QUIET = ['--method', 'pp-marina:downlink=participants,sampled=3,p=1e-9', '--wire', 'f64'];

    const job = () => {
      writeFileSync(join(runs.folder, 'instance.json'), JSON.stringify({ c, b }));
      return ['--problem', 'heterogeneous-quadratic', '--data', 'instance.json', '--step-size', `${STEP}`, ...QUIET];
    };
    const quiet = (run: string, words: readonly string[]) =>
      start([
        ...['start', ...job(), '--workers', `${N}`, '--seed', 'elastic', '--min-workers', '4', '--eval-every', '50'],
        ...['--transport', 'nats', '--nats', runs.broker.url, '--run', run, '--out', run, ...words],
      ]);
    const with4 = (run: string, workers: string) =>
      start(['worker', '--nats', runs.broker.url, '--run', run, '--workers', workers, '--data', 'instance.json']);
    const ends = async (...commands: readonly Command[]) => {
      for (const command of commands) expect(await command.ended, command.said).toBe(0);
    };
    /** x of a run that has ended: f64s at the end of its model. */
    const iterate = (run: string) => {
      const bytes = readFileSync(join(runs.folder, run, 'model.safetensors'));
      return new Float64Array(
        bytes.buffer.slice(bytes.byteOffset + bytes.length - 8 * D, bytes.byteOffset + bytes.length),
      );
    };

    test('it goes on with those that are there, as if it had not been; who comes back is asked in the first round', async () => {
      const PACE = ['--rounds', '600', '--checkpoint-every', '20'];
      await ends(quiet('straight', PACE), with4('straight', '0..3'));
      const host = with4('killed', '0..3');
      const victim = quiet('killed', PACE);
      await victim.until('round 200 ');
      await victim.kill();
      await ends(start(['start', '--resume', 'killed']), host);
      expect(summary('killed')).toMatchObject({ xHash: summary('straight').xHash, resumed: 1 });
      expect(rows('killed').filter(({ away }) => away !== 4)).toEqual([]);

      // the others come back: with round 601 f is of all of them, and so is g
      const further = async (rounds: number) => {
        const words = ['start', '--resume', 'killed', '--rounds', `${rounds}`];
        await ends(start(words), with4('killed', '0..7'));
        return iterate('killed');
      };
      const x = await further(601);
      const g = gradient(x, EVERYBODY);
      const next = await further(602);
      for (let j = 0; j < D; j++) expect(next[j]).toBeCloseTo((x[j] as number) - STEP * (g[j] as number), 12);
      // and not what it would be of those that were there before, from which the test could not tell it
      const old = gradient(x, FIRST);
      expect(Math.max(...g.map((gj, j) => Math.abs(gj - (old[j] as number))))).toBeGreaterThan(1e-3);
    });
  });
});
