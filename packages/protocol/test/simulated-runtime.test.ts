import { expect, test } from 'vitest';
import { SimulatedRuntime } from '../dist/testing/index.js';

test('time stands still until somebody moves it', async () => {
  const runtime = new SimulatedRuntime(1000);
  await runtime.yield();
  expect(runtime.now()).toBe(1000);
  runtime.advance(5);
  runtime.block(0.25);
  expect(runtime.now()).toBe(1005.25);
});

test('sleeps of any length are over at once, in the order of their ends', async () => {
  const runtime = new SimulatedRuntime();
  const woken: [string, number][] = [];
  const sleep = async (name: string, ms: number) => {
    await runtime.sleep(ms);
    woken.push([name, runtime.now()]);
  };
  await Promise.all([sleep('long', 3_600_000), sleep('short', 10), sleep('none', 0)]);
  expect(woken).toEqual([
    ['none', 0],
    ['short', 10],
    ['long', 3_600_000],
  ]);
});

test('a sleep that time has passed ends without moving it', async () => {
  const runtime = new SimulatedRuntime();
  const slept = runtime.sleep(10);
  runtime.advance(25);
  await slept;
  expect(runtime.now()).toBe(25);
});

test('a sleep ends early when its signal fires, and moves nothing', async () => {
  const runtime = new SimulatedRuntime();
  const end = new AbortController();
  const slept = runtime.sleep(10, end.signal);
  end.abort();
  await slept;
  await runtime.sleep(10, end.signal);
  expect(runtime.now()).toBe(0);
});
