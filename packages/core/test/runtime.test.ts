import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { systemRuntime } from '../dist/index.js';

test('all threads read one clock, which never goes back', async () => {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData).then(({ systemRuntime }) => {
      parentPort.on('message', () => parentPort.postMessage(systemRuntime.now()));
      parentPort.postMessage('ready');
    });
  `;
  const worker = new Worker(code, { eval: true, workerData: import.meta.resolve('@flotilla/core'), execArgv: [] });
  await once(worker, 'message');
  let before = systemRuntime.now();
  for (let k = 0; k < 20; k++) {
    worker.postMessage('now');
    const [there] = await once(worker, 'message');
    const after = systemRuntime.now();
    expect(there).toBeGreaterThan(before);
    expect(after).toBeGreaterThan(there);
    before = after;
  }
  await worker.terminate();
});

test('sleeping lets the event loop run, blocking does not; both take their time', async () => {
  let ran = false;
  setTimeout(() => {
    ran = true;
  }, 0);
  const from = systemRuntime.now();
  systemRuntime.block(20);
  // a timer of another clock may end a little early
  expect(systemRuntime.now() - from).toBeGreaterThan(19);
  expect(ran).toBe(false);
  await systemRuntime.sleep(20);
  expect(systemRuntime.now() - from).toBeGreaterThan(38);
  expect(ran).toBe(true);
});

test('a sleep ends early, without an error, when its signal fires', async () => {
  const end = new AbortController();
  const from = systemRuntime.now();
  const slept = systemRuntime.sleep(3_600_000, end.signal);
  await systemRuntime.yield();
  end.abort();
  await slept;
  await systemRuntime.sleep(3_600_000, end.signal);
  expect(systemRuntime.now() - from).toBeLessThan(60_000);
});
