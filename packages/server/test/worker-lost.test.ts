import type { Runtime } from '@flotilla/core';
import { createLoopback, type HostEnd } from '@flotilla/protocol';
import { SimulatedRuntime } from '@flotilla/protocol/testing';
import { WorkerHost } from '@flotilla/worker';
import { Piscina } from 'piscina';
import { afterEach, expect, test, vi } from 'vitest';
import type { Hosts } from '../dist/hosts/fleet.js';
import { request } from '../dist/hosts/request.js';
import { parseOptions } from '../dist/run/options.js';
import { Training } from '../dist/training.js';
import { openInProcess } from './in-process.js';

afterEach(() => vi.restoreAllMocks());

test('a worker thread that dies ends the run with worker-lost, and closing it leaves nothing behind', async () => {
  const pools = new Set<Piscina>();
  const { run } = Piscina.prototype;
  vi.spyOn(Piscina.prototype, 'run').mockImplementation(function (this: Piscina, ...args) {
    pools.add(this);
    return run.apply(this, args);
  });
  const { server, fleet } = await openInProcess({
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

/** Workers on this thread, of which one is cut off: what it says is swallowed as long as `isLost` says so. */
function cutOff(lost: number, isLost: () => boolean, runtime: Runtime): Hosts {
  return {
    open({ job, problemData, registries }) {
      let host: WorkerHost | undefined;
      const swallows = (worker: number) => worker === lost && isLost();
      const transport = createLoopback(
        job.workers,
        (end) => {
          const cut: HostEnd = {
            ...end,
            claim: (worker, bytes) => (swallows(worker) ? new Uint8Array(bytes) : end.claim(worker, bytes)),
            commit: (worker, length) => (swallows(worker) ? undefined : end.commit(worker, length)),
          };
          const own = new WorkerHost(cut, { problemData, start: undefined }, registries, runtime);
          host = own;
          return () => own.step();
        },
        runtime,
      );
      const failure = () => undefined;
      return { transport, linked: undefined, threads: 1, host, runtime, failure, close: async () => transport.close() };
    },
    close: async () => {},
  };
}

test('a worker that does not answer is named with its round, after exactly the time that it has', async () => {
  const runtime = new SimulatedRuntime();
  const options = parseOptions({
    workers: 3,
    problem: 'heterogeneous-quadratic:d=50',
    stepSize: 0.1,
    workerTimeout: 90.125,
  });
  let lost = false;
  let yields = 0;
  const yieldToEventLoop = async () => void yields++;
  const hosts = cutOff(1, () => lost, runtime);
  const training = await Training.open(options, { runtime, yieldToEventLoop, hosts });
  await training.round();
  expect([runtime.now(), yields]).toEqual([0, 0]);
  lost = true;
  await expect(training.round()).rejects.toMatchObject({
    code: 'worker-lost',
    message: 'worker 1 did not answer round 2 within 90 s',
  });
  expect(runtime.now()).toBe(90_125);
  // a wait of 50 ms, and the event loop runs
  expect(yields).toBe(Math.ceil(90_125 / 50));
});

test('a worker that does not answer for its state is named with what it is asked for', async () => {
  const runtime = new SimulatedRuntime();
  const options = parseOptions({
    workers: 3,
    problem: 'heterogeneous-quadratic:d=50',
    stepSize: 0.1,
    workerTimeout: 5,
  });
  let lost = false;
  const hosts = cutOff(1, () => lost, runtime);
  const training = await Training.open(options, { runtime, hosts });
  const state = await training.snapshot();
  lost = true;
  const error = { code: 'worker-lost', message: 'worker 1 did not give or take its state within 5 s' };
  await expect(training.snapshot()).rejects.toMatchObject(error);
  await expect(training.restore(state)).rejects.toMatchObject(error);
});

test('a host that does not answer a control message is lost after ten minutes', async () => {
  const runtime = new SimulatedRuntime();
  const transport = createLoopback(1, () => () => {}, runtime);
  await expect(request({ transport, runtime }, { type: 'finish' }, 'finished', async () => {})).rejects.toMatchObject({
    code: 'worker-lost',
    message: 'host 0 did not answer finish within 600 s',
  });
  expect(runtime.now()).toBeGreaterThanOrEqual(600_000);
  expect(runtime.now()).toBeLessThan(600_100);
});
