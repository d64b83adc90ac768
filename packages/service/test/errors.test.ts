import { FlotillaError, UsageError } from '@flotilla/core';
import { expect, it } from 'vitest';
import { answerTo, ServiceError, toldOf } from '../dist/errors.js';

const HIDDEN = 'the run failed; the log of its host says why';

it('the reason of a failure is told where it is the request’s', () => {
  const message = 'compressor rand-k: k=9 is not allowed; k must be 1 to 4, a percentage such as 1%, or d/n';
  expect(toldOf(new UsageError(message))).toEqual({ code: 'usage', message });
});

it.each([
  'data "/srv/data/x.csv" cannot be read',
  'data "x/y.csv" cannot be read',
  'data "C:\\x.csv" cannot be read',
  'problem "file:///srv/x.js" threw',
  './x.js is missing, and d/n too',
])('a message that may name a path is not: %s', (message) => {
  expect(toldOf(new UsageError(message))).toEqual({ code: 'usage', message: HIDDEN });
});

it('nor is what a disk, a defect or somebody’s own code has said', () => {
  expect(toldOf(new FlotillaError('io', 'no space left'))).toEqual({ code: 'io', message: HIDDEN });
  expect(toldOf(new FlotillaError('internal', 'secret'))).toEqual({ code: 'internal', message: HIDDEN });
  expect(toldOf(new UsageError('x', { cause: new Error('secret') })).message).toBe(HIDDEN);
  expect(toldOf(new Error('secret'))).toEqual({ code: 'internal', message: 'the run failed' });
  expect(toldOf(undefined)).toEqual({ code: 'internal', message: 'the run failed' });
});

it('a request is answered by the status of its error, and one that is nobody’s by 500 alone', () => {
  expect(answerTo(new ServiceError('busy', 'full'))).toEqual({ status: 429, body: { code: 'busy', message: 'full' } });
  const large = Object.assign(new Error('too large'), { statusCode: 413 });
  expect(answerTo(large)).toEqual({ status: 413, body: { code: 'too-large', message: 'too large' } });
  const wrong = Object.assign(new Error('x must be y'), { validation: [] });
  expect(answerTo(wrong)).toEqual({ status: 400, body: { code: 'usage', message: 'x must be y' } });
  for (const error of [
    new Error('/etc/x'),
    undefined,
    null,
    'x',
    { statusCode: 'x' },
    { statusCode: 503, message: '/x' },
  ]) {
    expect(answerTo(error)).toEqual({ status: 500, body: { code: 'internal', message: 'internal error' } });
  }
});
