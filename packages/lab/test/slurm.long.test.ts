import { expect, test } from 'vitest';
import { describeJobs } from './slurm-cluster.js';

// A real controller and four nodes on this machine, and what can happen to jobs. The oracle: same options and seed, same x.

describeJobs('what happens to jobs of Slurm', (jobs) => {
  test('a host is killed: the hosts start again, and the run goes on', async () => {
    const id = jobs.cluster.submit('host');
    await jobs.cluster.untilRound('host', 200);
    jobs.cluster.kill(id, 'worker', 2);
    expect(await jobs.cluster.until(id), jobs.cluster.log(id)).toMatchObject({ JobState: 'COMPLETED', Restarts: '0' });
    expect(jobs.cluster.log(id)).toContain('they may be started again');
    expect(jobs.cluster.summary('host').xHash).toBe(jobs.xHash);
    expect(jobs.cluster.summary('host').repeated.restarts).toBeGreaterThanOrEqual(1);
  });

  test('the server is killed: it goes on from its checkpoint with the same hosts', async () => {
    const id = jobs.cluster.submit('server');
    await jobs.cluster.untilRound('server', 200);
    jobs.cluster.kill(id, 'start');
    expect(await jobs.cluster.until(id), jobs.cluster.log(id)).toMatchObject({ JobState: 'COMPLETED', Restarts: '0' });
    expect(jobs.cluster.log(id)).toContain('the server was killed; it is started again');
    expect(jobs.cluster.summary('server')).toMatchObject({ xHash: jobs.xHash, resumed: 1 });
  });

  test.each(['n4', 'n1'])('node %s goes down: requeued, and resumed from the checkpoint', async (node) => {
    const out = `down-${node}`;
    const id = jobs.cluster.submit(out);
    await jobs.cluster.untilRound(out, 200);
    jobs.cluster.run('scontrol', ['update', `nodename=${node}`, 'state=down', 'reason=test']);
    await jobs.cluster.until(id, 'PENDING');
    await jobs.cluster.untilGone(id);
    jobs.cluster.run('scontrol', ['update', `nodename=${node}`, 'state=resume']);
    // Slurm would wait two minutes
    jobs.cluster.run('scontrol', ['update', `jobid=${id}`, 'starttime=now']);
    expect(await jobs.cluster.until(id), jobs.cluster.log(id)).toMatchObject({ JobState: 'COMPLETED', Restarts: '1' });
    expect(jobs.cluster.log(id)).toContain(`run job-${id}-1`);
    expect(jobs.cluster.summary(out)).toMatchObject({ xHash: jobs.xHash, resumed: 1 });
  });

  test("a job's time is up: it leaves a checkpoint, and goes on when it is sent again", async () => {
    const id = jobs.cluster.submit('time');
    await jobs.cluster.untilRound('time', 200);
    jobs.cluster.run('scancel', ['--batch', '--signal=USR1', id]);
    expect(await jobs.cluster.until(id), jobs.cluster.log(id)).toMatchObject({ JobState: 'FAILED', ExitCode: '130:0' });
    expect(jobs.cluster.summary('time').stopReason).toBe('aborted');
    const again = /\d+/.exec(jobs.cluster.run('sbatch', ['time.sbatch']))?.[0] as string;
    expect(await jobs.cluster.until(again), jobs.cluster.log(again)).toMatchObject({ JobState: 'COMPLETED' });
    expect(jobs.cluster.summary('time')).toMatchObject({ xHash: jobs.xHash, resumed: 1 });
  });

  test('hosts that cannot take part end the job', async () => {
    const id = jobs.cluster.submit('refused', [
      '--nats',
      'tls://10.77.0.1:4222',
      '--nats-token',
      'key.pem',
      '--nats-ca',
      'ca.pem',
    ]);
    expect(await jobs.cluster.until(id)).toMatchObject({ JobState: 'FAILED' });
    expect(jobs.cluster.log(id)).toMatch(/flotilla: no connection to the broker/);
  });
});
