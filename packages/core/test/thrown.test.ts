import { describe, expect, test } from 'vitest';
import { DivergedError, FlotillaError, UsageError } from '../dist/index.js';
import { asFlotillaError, errorFrom, errorRecord, reasonOf } from '../dist/internal.js';

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const throwing = Object.defineProperty(new Error('x'), 'message', {
  get() {
    throw new Error('not even this');
  },
});

describe('whatever is thrown becomes one clear error', () => {
  test.each([
    ['null', null, 'null was thrown, which is no Error'],
    ['undefined', undefined, 'undefined was thrown, which is no Error'],
    ['a text', 'late', '"late" was thrown, which is no Error'],
    ['a symbol', Symbol('s'), 'Symbol(s) was thrown, which is no Error'],
    ['an object without a prototype', Object.create(null), '[object Object] was thrown, which is no Error'],
    ['a function', () => 1, '() => 1 was thrown, which is no Error'],
    ['a revoked proxy', revoked(), 'a value that cannot be shown was thrown'],
    ['an error whose message throws', throwing, 'a value that cannot be shown was thrown'],
    ['an error without a message', new RangeError(), 'an error without a message ("RangeError")'],
    ['an error of several lines', new Error('a\n  b\n'), 'a b'],
  ])('%s', (_what, thrown, message) => {
    const error = asFlotillaError(thrown);
    expect(error).toBeInstanceOf(FlotillaError);
    expect([error.code, error.message]).toEqual(['internal', message]);
    expect(error.cause === thrown).toBe(true);
    expect(structuredClone(errorRecord(thrown))).toMatchObject({ code: 'internal', message });
  });

  test.each([
    ['threads', Object.assign(new Error('EAGAIN'), { code: 'ERR_WORKER_INIT_FAILED' }), /no more threads .*ulimit -u/],
    ['files', Object.assign(new Error('EMFILE: too many open files, open x'), { code: 'EMFILE' }), /ulimit -n/],
    ['memory', new RangeError('Array buffer allocation failed'), /no more memory/],
    ['kernel memory', new RangeError('WebAssembly.Memory(): could not allocate memory'), /ulimit -v/],
  ])('a limit of %s says what to change', (_what, thrown, message) => {
    expect(asFlotillaError(thrown)).toMatchObject({ code: 'limit', message: expect.stringMatching(message) });
  });

  test('a refusal of the system without the path, which the caller names', () => {
    const error = Object.assign(new Error("EACCES: permission denied, open '/x, y/z'"), { code: 'EACCES' });
    expect(reasonOf(error)).toBe('permission denied');
    expect(reasonOf(new Error('ENOSPC: no space left on device, write'))).toBe('no space is left');
    expect(reasonOf(new Error('EVERYTHING is fine, or not'))).toBe('EVERYTHING is fine, or not');
  });
});

describe('between threads an error keeps its class and code', () => {
  test('of a long message the beginning and the end', () => {
    const error = new FlotillaError('internal', `worker 3, round 5: ${'x'.repeat(3e6)} because of this`);
    const { message } = errorRecord(error);
    expect(message).toMatch(/^worker 3, round 5: x{3000,} … \(\d+ characters left out\) … x+ because of this$/);
    expect(message.length).toBeLessThan(4100);
  });

  test.each([new UsageError('d=0'), new FlotillaError('io', 'no disk'), new DivergedError(3, 7, 'NaN')])(
    '%s',
    (error) => {
      const again = errorFrom(structuredClone(errorRecord(error)));
      expect(again).toBeInstanceOf(error.constructor);
      expect({ ...again, message: again.message }).toEqual({ ...error, message: error.message });
    },
  );
});
