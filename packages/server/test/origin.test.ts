import { FlotillaError } from '@flotilla/core';
import { expect, test } from 'vitest';
import { type TrainOptions, train } from '../dist/index.js';

const module = new URL('./problems/failing.js', import.meta.url);
const common: TrainOptions = { method: 'gd', workers: 4, rounds: 10, evalEvery: 10, wire: 'f64' };

const failureOf = async (parameters: Record<string, string | number | boolean>, options: TrainOptions = {}) => {
  const failure = await train({ ...common, ...options, problem: { module, parameters } }).result.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(FlotillaError);
  return failure as FlotillaError & { cause: Error };
};

test.each([{ threads: 2 }, { threads: 4 }, { transport: 'loopback' }] as const)(
  'a gradient that throws is found by its worker, its round, its message and its line: %o',
  async (options) => {
    const failure = await failureOf({ where: 'gradient' }, options);
    // the evaluation of x⁰, then a gradient a round
    expect(failure).toMatchObject({ code: 'internal', worker: 2, round: 5 });
    expect(failure.message).toBe('worker 2, round 5: the sheep are out');
    expect(failure.cause).toMatchObject({ name: 'RangeError', message: 'the sheep are out' });
    expect(failure.cause.stack).toMatch(/^RangeError: the sheep are out\n {4}at fail \(file:.*failing\.js:\d+:\d+\)\n/);
    expect(failure.cause.stack).toMatch(/at .*gradient \(file:.*failing\.js:\d+:\d+\)/);
  },
);

test.each([
  ['load', 'problem failing, load: the sheep are out'],
  ['dimension', 'problem failing, create: the sheep are out'],
  ['start', "the problem's start: the sheep are out"],
])("on the server's thread: %s", async (where, message) => {
  const failure = await failureOf({ where });
  expect(failure).toMatchObject({ code: 'internal', message });
  expect([failure.worker, failure.round]).toEqual([undefined, undefined]);
  expect(failure.cause.stack).toMatch(/failing\.js:\d+:\d+/);
});

test('before the rounds, on the thread of the worker', async () => {
  for (const options of [{ threads: 4 }, { transport: 'loopback' }] as const) {
    const failure = await failureOf({ where: 'prepare' }, options);
    expect(failure).toMatchObject({ message: 'worker 2: the sheep are out', worker: 2 });
    expect(failure.cause.stack).toMatch(/at Object.prepare \(file:.*failing\.js:\d+:\d+\)/);
  }
});

test('a message too long for the wire is cut, and keeps its worker and its frames', async () => {
  const { message, worker, cause } = await failureOf({ where: 'gradient', long: true });
  expect(message).toMatch(/^worker 2, round 5: long long /);
  expect(message.length).toBeLessThanOrEqual(4000);
  expect(worker).toBe(2);
  expect(cause.stack).toMatch(/^RangeError: long [\s\S]*\n {4}at fail \(file:.*failing\.js/);
  expect((cause.stack as string).length).toBeLessThanOrEqual(8000);
});

test('a text that is thrown, a value that is not returned, a start of the wrong length', async () => {
  expect(await failureOf({ where: 'text' })).toMatchObject({
    message: 'worker 2, round 5: "only a text" was thrown, which is no Error',
    cause: { message: '"only a text" was thrown, which is no Error' },
  });
  expect(await failureOf({ where: 'nothing' })).toMatchObject({
    code: 'usage',
    message: 'worker 2, round 5: problem failing: gradient returned undefined; it must return a number',
  });
  expect((await failureOf({ where: 'short-start' })).message).toContain('has 1 coordinates, not 2');
});

test('a run that diverges says where, in fields too', async () => {
  const failure = await train({ ...common, problem: 'quadratic:d=3', stepSize: 1e200, rounds: 50 }).result.catch(
    (error) => error,
  );
  expect(failure.code).toBe('diverged');
  expect(failure.message).toMatch(/^diverged in round \d+ at /);
  expect(failure.round).toBe(Number(/round (\d+)/.exec(failure.message)?.[1]));
});
