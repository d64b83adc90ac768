import type { Runtime } from '@flotilla/core';
import { createLoopback, type HostEnd } from '@flotilla/protocol';
import { SimulatedRuntime } from '@flotilla/protocol/testing';
import { WorkerHost } from '@flotilla/worker';
import { Piscina } from 'piscina';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Hosts } from '../dist/hosts/fleet.js';
import { request } from '../dist/hosts/request.js';
import { Recovery } from '../dist/recovery/recovery.js';
import { Stragglers } from '../dist/round/stragglers.js';
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
  const swallows = (worker: number) => worker === lost && isLost();
  return hostsHere(runtime, (end) => ({
    ...end,
    claim: (worker, bytes) => (swallows(worker) ? new Uint8Array(bytes) : end.claim(worker, bytes)),
    commit: (worker, length) => (swallows(worker) ? undefined : end.commit(worker, length)),
  }));
}

/** Workers on this thread, of which one reads nothing as long as `isBusy` says so. */
function busy(one: number, isBusy: () => boolean, runtime: Runtime): Hosts {
  return hostsHere(runtime, (end) => ({
    ...end,
    take: (worker) => (worker === one && isBusy() ? undefined : end.take(worker)),
  }));
}

function hostsHere(runtime: Runtime, decorate: (end: HostEnd) => HostEnd): Hosts {
  return {
    open({ job, problemData, registries }) {
      let host: WorkerHost | undefined;
      const transport = createLoopback(
        job.workers,
        (end) => {
          const own = new WorkerHost(decorate(end), { problemData, start: undefined }, registries, runtime);
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
    roundTimeout: 90.125,
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
    roundTimeout: 5,
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

/** What `said` is told, and a run's way with those who are late. */
function stragglers(options: { roundTimeout: number; onStraggler: 'wait' | 'restart' | 'fail' }) {
  const said: string[] = [];
  return { said, stragglers: new Stragglers(options, (message) => said.push(message)) };
}

test('a host that does not answer a control message is lost after the time that an answer has', async () => {
  const runtime = new SimulatedRuntime();
  const transport = createLoopback(1, () => () => {}, runtime);
  const { stragglers: late } = stragglers({ roundTimeout: 600, onStraggler: 'restart' });
  await expect(
    request({ transport, runtime }, { type: 'finish' }, 'finished', late, async () => {}),
  ).rejects.toMatchObject({
    code: 'worker-lost',
    message: 'host 0 did not answer finish within 600 s',
  });
  expect(runtime.now()).toBe(600_000);
});

test('set-up has the same deadline as a round', async () => {
  const runtime = new SimulatedRuntime();
  const transport = createLoopback(1, () => () => {}, runtime);
  const mute: Hosts = {
    open: () => ({
      transport,
      linked: undefined,
      threads: 1,
      runtime,
      failure: () => undefined,
      close: async () => transport.close(),
    }),
    close: async () => {},
  };
  const options = parseOptions({ problem: 'heterogeneous-quadratic:d=50', stepSize: 0.1, roundTimeout: 7 });
  const open = () => Training.open(options, { runtime, hosts: mute });
  // and ends the run: nobody is started again
  await expect(new Recovery(3, open, () => {}).opened(open)).rejects.toMatchObject({
    code: 'worker-lost',
    message: 'host 0 did not answer configure within 7 s',
  });
  expect(runtime.now()).toBe(7000);
});

describe('a worker that is late', () => {
  const common = { workers: 3, problem: 'heterogeneous-quadratic:d=50', stepSize: 0.1, roundTimeout: 5 } as const;

  /** A training whose worker 1 does not get to work before `until` by a simulated clock, from round 2 on. */
  async function late(onStraggler: 'wait' | 'restart' | 'fail', until: number, jump = 0) {
    const runtime = new SimulatedRuntime();
    const { said, stragglers: own } = stragglers({ roundTimeout: 5, onStraggler });
    const options = parseOptions({ ...common, onStraggler });
    let begun = false;
    let jumped = false;
    const hosts = busy(1, () => begun && runtime.now() < until, runtime);
    const yieldToEventLoop = async () => {
      if (begun && !jumped) runtime.advance(jump);
      jumped ||= begun;
    };
    const training = await Training.open(options, { runtime, hosts, stragglers: own, yieldToEventLoop });
    await training.round();
    begun = true;
    return { training, runtime, said };
  }

  test('is waited for, and it is said who and how long, in the log and in rows', async () => {
    const { training, runtime, said } = await late('wait', 12_000);
    await training.round();
    expect(runtime.now()).toBe(12_000);
    expect(said).toEqual([
      'worker 1 did not answer round 2 within 5 s; the run goes on waiting',
      'worker 1 did not answer round 2 within 10 s; the run goes on waiting',
      'worker 1 did answer round 2 after 12 s',
    ]);
    expect(await training.evaluate()).toMatchObject({ round: 2, late: [{ worker: 1, answers: 1, seconds: 12 }] });
    const { training: undisturbed } = await late('wait', 0);
    await undisturbed.round();
    expect(training.xHash()).toBe(undisturbed.xHash());
    expect(await undisturbed.evaluate()).not.toHaveProperty('late');
  });

  test.each(['restart', 'fail'] as const)('is lost: %s', async (onStraggler) => {
    const { training, runtime, said } = await late(onStraggler, 1e9);
    const error = await training.round().catch((thrown) => thrown);
    expect(error).toMatchObject({
      code: 'worker-lost',
      worker: 1,
      round: 2,
      message: 'worker 1 did not answer round 2 within 5 s',
    });
    expect([runtime.now(), said]).toEqual([5000, []]);
    expect(training.stragglers.late).toEqual([{ worker: 1, answers: 1, seconds: 5 }]);
    const recovery = new Recovery(
      3,
      () => Promise.resolve(training),
      () => {},
    );
    recovery.goOnFrom({ recover: async () => 1 });
    if (onStraggler === 'fail') await expect(recovery.after(error, training)).rejects.toBe(error);
    else expect(await recovery.after(error, training)).toBe(training);
  });

  test('is not late for the time that the process was stopped', async () => {
    // a stop of 9 s in the middle of a wait; the worker needs 3 s
    const { training, runtime, said } = await late('fail', 9000 + 3000, 9000);
    await training.round();
    expect([runtime.now(), said]).toEqual([12_000, []]);
    expect(await training.evaluate()).not.toHaveProperty('late');
  });
});
