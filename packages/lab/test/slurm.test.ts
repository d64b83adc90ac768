import { expect, test } from 'vitest';
import { describeJobs } from './slurm-cluster.js';

// A real controller and four nodes on this machine. What can happen to jobs there is in slurm.long.test.ts.

describeJobs('jobs of Slurm', (jobs) => {
  test('four nodes: the x of one process', async () => {
    const id = jobs.cluster.submit('plain');
    expect(await jobs.cluster.until(id), jobs.cluster.log(id)).toMatchObject({
      JobState: 'COMPLETED',
      NumNodes: '4',
      Restarts: '0',
    });
    expect(jobs.cluster.summary('plain')).toMatchObject({ xHash: jobs.xHash, transport: 'nats' });
    const shares = [...jobs.cluster.log(id).matchAll(/workers (\d) to (\d) take part/g)].map(([, a, b]) => `${a}${b}`);
    expect(shares.sort()).toEqual(['01', '23', '45', '67']);
  });

  test('one node, with a broker of its own', async () => {
    const id = jobs.cluster.submit('own-broker', ['--broker', '--hosts', '2', '--cpus', '2']);
    expect(await jobs.cluster.until(id), jobs.cluster.log(id)).toMatchObject({ JobState: 'COMPLETED', NumNodes: '1' });
    expect(jobs.cluster.summary('own-broker')).toMatchObject({ xHash: jobs.xHash, transport: 'nats' });
  });
});
