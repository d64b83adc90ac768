import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missing, SlurmCluster, xHashOfJobs } from './slurm-cluster.js';

// A real controller and four nodes on this machine. What can happen to jobs there is in slurm.long.test.ts.

describe.skipIf(missing !== '')('jobs of Slurm', () => {
  let cluster: SlurmCluster;
  let xHash = '';
  beforeAll(async () => {
    cluster = await SlurmCluster.start();
    xHash = await xHashOfJobs();
  }, 120_000);
  afterAll(async () => cluster?.close());

  test('four nodes: the x of one process', async () => {
    const id = cluster.submit('plain');
    expect(await cluster.until(id), cluster.log(id)).toMatchObject({
      JobState: 'COMPLETED',
      NumNodes: '4',
      Restarts: '0',
    });
    expect(cluster.summary('plain')).toMatchObject({ xHash, transport: 'nats' });
    const shares = [...cluster.log(id).matchAll(/workers (\d) to (\d) take part/g)].map(([, a, b]) => `${a}${b}`);
    expect(shares.sort()).toEqual(['01', '23', '45', '67']);
  });

  test('one node, with a broker of its own', async () => {
    const id = cluster.submit('own-broker', ['--broker', '--hosts', '2', '--cpus', '2']);
    expect(await cluster.until(id), cluster.log(id)).toMatchObject({ JobState: 'COMPLETED', NumNodes: '1' });
    expect(cluster.summary('own-broker')).toMatchObject({ xHash, transport: 'nats' });
  });
});
