import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missing, SlurmCluster, xHashOfJobs } from './slurm-cluster.js';

// A real controller and four nodes on this machine, and what can happen to jobs. The oracle: same options and seed, same x.

describe.skipIf(missing !== '')('what happens to jobs of Slurm', () => {
  let cluster: SlurmCluster;
  let xHash = '';
  beforeAll(async () => {
    cluster = await SlurmCluster.start();
    xHash = await xHashOfJobs();
  }, 120_000);
  afterAll(async () => cluster?.close());

  test('a host is killed: the hosts start again, and the run goes on', async () => {
    const id = cluster.submit('host');
    await cluster.untilRound('host', 200);
    cluster.kill(id, 'worker', 2);
    expect(await cluster.until(id), cluster.log(id)).toMatchObject({ JobState: 'COMPLETED', Restarts: '0' });
    expect(cluster.log(id)).toContain('they may be started again');
    expect(cluster.summary('host').xHash).toBe(xHash);
    expect(cluster.summary('host').repeated.restarts).toBeGreaterThanOrEqual(1);
  });

  test('the server is killed: it goes on from its checkpoint with the same hosts', async () => {
    const id = cluster.submit('server');
    await cluster.untilRound('server', 200);
    cluster.kill(id, 'start');
    expect(await cluster.until(id), cluster.log(id)).toMatchObject({ JobState: 'COMPLETED', Restarts: '0' });
    expect(cluster.log(id)).toContain('the server was killed; it is started again');
    expect(cluster.summary('server')).toMatchObject({ xHash, resumed: 1 });
  });

  test.each(['n4', 'n1'])('node %s goes down: requeued, and resumed from the checkpoint', async (node) => {
    const out = `down-${node}`;
    const id = cluster.submit(out);
    await cluster.untilRound(out, 200);
    cluster.run('scontrol', ['update', `nodename=${node}`, 'state=down', 'reason=test']);
    await cluster.until(id, 'PENDING');
    await cluster.untilGone(id);
    cluster.run('scontrol', ['update', `nodename=${node}`, 'state=resume']);
    // Slurm would wait two minutes
    cluster.run('scontrol', ['update', `jobid=${id}`, 'starttime=now']);
    expect(await cluster.until(id), cluster.log(id)).toMatchObject({ JobState: 'COMPLETED', Restarts: '1' });
    expect(cluster.log(id)).toContain(`run job-${id}-1`);
    expect(cluster.summary(out)).toMatchObject({ xHash, resumed: 1 });
  });

  test("a job's time is up: it leaves a checkpoint, and goes on when it is sent again", async () => {
    const id = cluster.submit('time');
    await cluster.untilRound('time', 200);
    cluster.run('scancel', ['--batch', '--signal=USR1', id]);
    expect(await cluster.until(id), cluster.log(id)).toMatchObject({ JobState: 'FAILED', ExitCode: '130:0' });
    expect(cluster.summary('time').stopReason).toBe('aborted');
    const again = /\d+/.exec(cluster.run('sbatch', ['time.sbatch']))?.[0] as string;
    expect(await cluster.until(again), cluster.log(again)).toMatchObject({ JobState: 'COMPLETED' });
    expect(cluster.summary('time')).toMatchObject({ xHash, resumed: 1 });
  });

  test('hosts that cannot take part end the job', async () => {
    const id = cluster.submit('refused', [
      '--nats',
      'tls://10.77.0.1:4222',
      '--nats-token',
      'key.pem',
      '--nats-ca',
      'ca.pem',
    ]);
    expect(await cluster.until(id)).toMatchObject({ JobState: 'FAILED' });
    expect(cluster.log(id)).toMatch(/flotilla: no connection to the broker/);
  });
});
