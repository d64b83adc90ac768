import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ElasticRuns, METHOD, ofOneProcess } from './elastic-runs.js';
import { hasBroker } from './nats-broker.js';
import type { Command } from './nats-command.js';

describe.skipIf(!hasBroker)('--min-workers, where hosts are waited for', () => {
  const runs = new ElasticRuns();
  const { start, host, serve, summary } = runs;
  beforeAll(() => runs.open());
  afterAll(() => runs.close());

  test('fewer than m workers are left: the run waits for others, and goes on from its last checkpoint', async () => {
    const run = 'too-few';
    const hosts = [host(run, '0..3'), host(run, '4..5')];
    const server = serve(run, METHOD, [
      '--min-workers',
      '6',
      '--rounds',
      '1e9',
      '--eval-every',
      '50',
      '--checkpoint-every',
      '50',
    ]);
    await server.until('round 100 ');
    const waiting = 'waiting for workers 4 to 7';
    const before = server.said.split(waiting).length - 1;
    await (hosts[1] as Command).kill();
    await server.until(waiting, before + 1);
    const another = host(run, '6..7');
    await server.until('4 of 8 workers are left, and the run needs 6; the workers are started again');
    await server.kill('SIGINT');
    for (const one of [hosts[0] as Command, another]) expect(await one.ended, one.said).toBe(0);
    expect(summary(run)).toMatchObject({ repeated: { restarts: 1 } });
  });

  test('gd waits for its hosts, is killed, waits again: the x of one process', async () => {
    const run = 'waits-again';
    const more = ['--rounds', '600', '--round-timeout', '2', '--on-straggler', 'wait', '--checkpoint-every', '20'];
    const first = host(run, '0..3');
    const second = host(run, '4..7');
    const victim = serve(run, 'gd', ['--min-workers', '4', '--eval-every', '50', ...more]);
    await victim.until('round 200 ');
    await second.kill();
    await victim.until('no host came for workers 4 to 7 within 2 s; the run goes on waiting');
    await victim.kill();
    const again = start(['start', '--resume', run]);
    await again.until('no host came for workers 4 to 7 within 2 s; the run goes on waiting');
    const third = host(run, '4..7');
    expect(await again.ended, again.said).toBe(0);
    for (const one of [first, third]) expect(await one.ended, one.said).toBe(0);
    const { xHash } = await ofOneProcess({ method: 'gd', rounds: 600, evalEvery: 50 });
    expect(summary(run)).toMatchObject({ xHash, resumed: 1 });
  });
});
