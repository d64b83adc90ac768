import { describe, expect, test } from 'vitest';
import { UsageError } from '../dist/errors.js';
import { methods } from '../dist/method/index.js';
import { defineMethod, type Theory } from '../dist/method/method.js';
import { batchSize, polyakLojasiewicz, reportedParameters } from '../dist/method/parameters.js';
import { Spec } from '../dist/spec.js';

const link = { omega: 9, theta: 9 / 4, A: 9 / 4, B: 0, alpha: 0, density: 10 };
const theory: Theory = { workers: 4, dimension: 100, samples: 200, uplink: link, downlink: link };

function of(text: string) {
  const spec = Spec.parse('method', text);
  const method = methods[spec.name];
  const parameters = method.parameters(spec, theory);
  return { method, parameters, reported: reportedParameters(method, parameters) };
}

describe('a method has its parameters under the names of its code, everybody else under those of specs', () => {
  test.each<[string, Record<string, unknown>, Record<string, number>]>([
    ['gd', {}, {}],
    ['dasha', { a: 1 / 19 }, { a: 1 / 19 }],
    ['diana', { alpha: 0.1, estimator: 'gradient', theory: 'horvath' }, { alpha: 0.1, 'shift-estimator': 0 }],
    [
      'diana:estimator=shift,theory=li-richtarik',
      { alpha: 0.1, estimator: 'shift', theory: 'li-richtarik' },
      { alpha: 0.1, 'shift-estimator': 1, 'li-richtarik-theory': 1 },
    ],
    [
      'vr-diana:batch=50,estimator=shift',
      { alpha: 0.1, estimator: 'shift', batch: 50, pReference: 0.25 },
      { alpha: 0.1, 'shift-estimator': 1, batch: 50, 'p-reference': 0.25 },
    ],
    ['marina', { p: 0.1, downlink: 'dense' }, { p: 0.1 }],
    ['marina:downlink=delta,mu=2', { p: 0.1, downlink: 'delta', mu: 2 }, { p: 0.1, 'delta-downlink': 1, mu: 2 }],
    ['vr-marina:p=0.5,batch=2', { p: 0.5, batch: 2 }, { p: 0.5, batch: 2 }],
    [
      'vr-marina:online=true,p=0.5,batch=2',
      { p: 0.5, batch: 2, largeBatch: 200 },
      { p: 0.5, batch: 2, 'large-batch': 200 },
    ],
    ['pp-marina:sampled=2', { p: 0.05, sampled: 2, downlink: 'broadcast' }, { p: 0.05, sampled: 2 }],
    [
      'pp-marina:p=1,mu=3,downlink=participants',
      { p: 1, sampled: 1, downlink: 'participants', mu: 3 },
      { p: 1, sampled: 1, 'participants-downlink': 1, mu: 3 },
    ],
    ['marina-p:mu=3', { p: 0.1, mu: 3 }, { p: 0.1, mu: 3 }],
    [
      'm3:p=0.5,beta=0.2',
      { pDownlink: 0.5, pUplink: 0.5, beta: 0.2 },
      { 'p-downlink': 0.5, 'p-uplink': 0.5, beta: 0.2 },
    ],
    ['core:m=7', { m: 7 }, { m: 7 }],
    ['ef21-p-diana:beta=0', { beta: 0 }, { beta: 0 }],
    [
      'dore:alpha=0.5',
      { alpha: 0.5, beta: 0.1, eta: 1 / Math.sqrt(90) },
      { alpha: 0.5, beta: 0.1, eta: 1 / Math.sqrt(90) },
    ],
    ['mcm:memory=false', { alpha: 0.1 }, { alpha: 0.1 }],
    ['rand-mcm:alpha=0.2,memory=true', { alpha: 0.2, alphaUplink: 0.1 }, { alpha: 0.2, 'alpha-uplink': 0.1 }],
  ])('%s', (text, own, outside) => {
    const { parameters, reported } = of(text);
    expect(parameters).toStrictEqual(own);
    expect(reported).toStrictEqual(outside);
    expect(Object.keys(reported)).toEqual(Object.keys(outside));
  });
});

test('what a method does not report itself: its numbers, choices and flags left out', () => {
  const parameters = { aBCd: 1, online: true, kind: 'x', zero: 0, E: 2 };
  expect(reportedParameters({}, parameters)).toEqual({ 'a-b-cd': 1, zero: 0, '-e': 2 });
});

test.each([
  ['diana:theory=sharma', 'method diana: theory=sharma is not allowed; theory must be horvath or li-richtarik'],
  ['diana:estimator=mean', 'method diana: estimator=mean is not allowed; estimator must be gradient or shift'],
  ['marina:downlink=Dense', 'method marina: downlink=Dense is not allowed; downlink must be dense or delta'],
  [
    'pp-marina:downlink=all',
    'method pp-marina: downlink=all is not allowed; downlink must be broadcast or participants',
  ],
  ['pp-marina:sampled=1.5', 'method pp-marina: sampled=1.5 is not allowed; sampled must be a whole number'],
  ['pp-marina:sampled=5', 'method pp-marina: sampled=5 is not allowed; sampled must be a number in [1, 4]'],
  ['core:m=2.50', 'method core: m=2.5 is not allowed; m must be a whole number'],
  ['vr-diana:batch=201', 'method vr-diana: batch=201 is not allowed; batch must be a number in [1, 200]'],
])('%s is refused by name and value', (text, message) => {
  expect(() => of(text)).toThrow(new UsageError(message));
});

test('a batch is as large as the shard at most, unless samples repeat; μ is positive, and absent when it is not given', () => {
  const spec = (text: string) => Spec.parse('method', `any:${text}`);
  expect(batchSize(spec('batch=20'), 'batch', 20, false)).toBe(20);
  expect(() => batchSize(spec('batch=21'), 'batch', 20, false)).toThrow(UsageError);
  expect(batchSize(spec('batch=21'), 'batch', 20, true)).toBe(21);
  expect(batchSize(spec('b=1'), 'batch', 20, true)).toBeUndefined();
  expect(polyakLojasiewicz(spec('mu=0.5'))).toStrictEqual({ mu: 0.5 });
  expect(polyakLojasiewicz(spec('b=1'))).toStrictEqual({});
  expect(() => polyakLojasiewicz(spec('mu=0'))).toThrow('method any: mu=0 is not allowed; mu must be a number > 0');
  expect(() => polyakLojasiewicz(spec('mu=-1'))).toThrow(/a number > 0$/);
});

test('the types of a definition: state is data, parameters are flat, and every function gets them as they are', () => {
  interface Own {
    readonly pReset: number;
    readonly kind: 'a' | 'b';
  }
  const nothing = { form: 'none', vector: new Float64Array(0) } as const;
  const common = {
    name: 'own',
    summary: '',
    description: methods.gd.description,
    uplink: undefined,
    downlink: undefined,
    traffic: () => ({ uplink: { dense: 1 }, downlink: { dense: 1 } }),
    stepSize: () => 1,
  };
  const parameters = (): Own => ({ pReset: 3, kind: 'a' });
  const x = () => ({ x: new Float64Array(1) });
  const server = { init: x, plan: () => ({ coins: 0, downlink: nothing }), step: () => {} };
  const worker = { init: x, round: () => nothing };

  const own = defineMethod({ ...common, parameters, messageDimension: ({ pReset }) => pReset, server, worker });
  expect(own.messageDimension?.(own.parameters(Spec.parse('method', 'own'), theory))).toBe(3);

  // what follows is for `tsc -p tsconfig.test.json`, which refuses a line that is no error
  // @ts-expect-error there is no such parameter
  defineMethod({ ...common, parameters, messageDimension: ({ pResets }) => pResets, server, worker });
  // @ts-expect-error the kind is never c
  defineMethod({ ...common, parameters, messageDimension: ({ kind }) => (kind === 'c' ? 1 : 2), server, worker });
  // @ts-expect-error a list is no parameter
  defineMethod({ ...common, parameters: () => ({ list: [1] }), server, worker });
  // @ts-expect-error a function is no state
  defineMethod({ ...common, parameters, server, worker: { ...worker, init: () => ({ draw: () => 1 }) } });
  // @ts-expect-error a server has an x
  defineMethod({ ...common, parameters, server: { ...server, init: () => ({ y: new Float64Array(1) }) }, worker });
});
