import { Piscina } from 'piscina';
import { afterEach, expect, test, vi } from 'vitest';
import { launchInProcess } from './in-process.js';

afterEach(() => vi.restoreAllMocks());

test('a worker thread that dies ends the run with worker-lost, and closing it leaves nothing behind', async () => {
  const pools = new Set<Piscina>();
  const { run } = Piscina.prototype;
  vi.spyOn(Piscina.prototype, 'run').mockImplementation(function (this: Piscina, ...args) {
    pools.add(this);
    return run.apply(this, args);
  });
  const { server, fleet } = await launchInProcess({
    transport: 'threads',
    threads: 2,
    workers: 4,
    problem: 'heterogeneous-quadratic:d=50',
    stepSize: 0.1,
  });
  await server.start();
  await server.step();
  const [pool] = [...pools];
  expect(pool.threads.length).toBe(2);
  await pool.threads[1].terminate();

  const rounds = async () => {
    for (let k = 0; k < 1000; k++) await server.step();
  };
  await expect(rounds()).rejects.toMatchObject({
    code: 'worker-lost',
    message: expect.stringMatching(/^workers on thread [01] ended: /),
  });
  expect(fleet.failure()).toBeDefined();
});

test('a worker that does not answer in time is named with its round', async () => {
  const { server, fleet } = await launchInProcess({
    workers: 3,
    problem: 'heterogeneous-quadratic:d=50',
    stepSize: 0.1,
    workerTimeout: 0.05,
  });
  await server.start();
  await server.step();
  // the network swallows what worker 1 says from now on
  const receive = fleet.transport.receive.bind(fleet.transport);
  vi.spyOn(fleet.transport, 'receive').mockImplementation((worker, timeout) =>
    worker === 1 ? undefined : receive(worker, timeout),
  );
  await expect(server.step()).rejects.toMatchObject({
    code: 'worker-lost',
    message: expect.stringMatching(/^worker 1 did not answer round 2 within /),
  });
});
