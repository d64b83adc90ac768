import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDecimal } from '../dist/decimal.js';
import { UsageError } from '../dist/errors.js';
import { methods } from '../dist/method/index.js';
import { nearMiss } from '../dist/near-miss.js';
import { printed } from '../dist/printed.js';
import { problems } from '../dist/problem/index.js';
import { extend, lookUp, Spec } from '../dist/spec.js';

test('a spec is a name and its parameters', () => {
  const spec = Spec.parse('method', 'm3:p=0.005,beta=0.136');
  expect(spec.name).toBe('m3');
  expect(spec.number('p', 0, 1)).toBe(0.005);
  expect(spec.number('beta', 0, 1)).toBe(0.136);
  expect(spec.number('alpha', 0, 1)).toBeUndefined();
  expect(() => spec.rejectUnknown()).not.toThrow();
});

test.each(['', ':', 'm3:', 'm3:p', 'm3:p=', 'm3:p=1,p=2', 'm3:=1', 'm 3', 'm3;p=1'])('refuses %j', (text) => {
  expect(() => Spec.parse('method', text)).toThrow(UsageError);
});

test('a parameter that nobody asks for is an error that lists the known ones', () => {
  const spec = Spec.parse('method', 'm3:q=1');
  spec.number('p', 0, 1);
  expect(() => spec.rejectUnknown()).toThrow('method m3 has no parameter q; it takes p');
});

test('numbers outside their range are errors that name the value and the range', () => {
  for (const text of ['0', '-1', '2', 'x', 'NaN', 'Infinity']) {
    expect(() => Spec.parse('method', `m3:p=${text}`).number('p', 0, 1, true)).toThrow(
      `method m3: p=${text} is not allowed; p must be a number in (0, 1]`,
    );
  }
});

test('whole numbers: outside the range, a fraction, or in words of the caller', () => {
  const read = (text: string, allowed?: string) => Spec.parse('compressor', `c:k=${text}`).integer('k', 1, 9, allowed);
  expect(read('9')).toBe(9);
  expect(read('1e0', 'one of nine')).toBe(1);
  for (const text of ['0', '10', 'x', 'Infinity']) {
    expect(() => read(text)).toThrow(`compressor c: k=${text} is not allowed; k must be a number in [1, 9]`);
  }
  expect(() => read('2.50')).toThrow('compressor c: k=2.5 is not allowed; k must be a whole number');
  for (const text of ['0', '10', 'x', '2.50']) {
    expect(() => read(text, 'one of nine')).toThrow(`compressor c: k=${text} is not allowed; k must be one of nine`);
  }
  expect(Spec.parse('compressor', 'c').integer('k', 1, 9, 'one of nine')).toBeUndefined();
});

test('numbers are decimal', () => {
  const read = (text: string) => Spec.parse('method', `m3:p=${text}`).number('p', -100, 100);
  for (const [text, value] of Object.entries({ '7': 7, '+7': 7, '-.5': -0.5, '1.': 1, '1e-2': 0.01, '2.5E1': 25 })) {
    expect(read(text)).toBe(value);
    expect(parseDecimal(text)).toBe(value);
  }
  for (const text of [
    '0x10',
    '0b1',
    '0o7',
    '1_0',
    'Infinity',
    '-Infinity',
    'NaN',
    '.',
    'e1',
    '1e',
    '1e999',
    '--1',
    '1n',
    '１',
  ]) {
    expect(() => read(text)).toThrow(UsageError);
    expect(() => Spec.parse('method', `m3:p=${text}`).integer('p', -100, 100)).toThrow(UsageError);
    expect(parseDecimal(text)).toBeUndefined();
  }
  for (const text of ['', ' ', ' 1', '1 ', '\t1', '1\n']) expect(parseDecimal(text)).toBeUndefined();
});

test('a name that is a slip away from a known one is suggested', () => {
  const known = ['gd', 'm3', 'marina', 'marina-p', 'vr-marina', 'step-size', 'heterogeneous-quadratic'];
  const slips: Record<string, string | undefined> = {
    M3: 'm3',
    marnia: 'marina',
    marinap: 'marina-p',
    stepSize: 'step-size',
    step_size: 'step-size',
    stepsise: 'step-size',
    heterogeneous: 'heterogeneous-quadratic',
    vr: undefined,
    sgd: 'gd',
    dcgd: undefined,
    unlike: undefined,
    '': undefined,
    ['m'.repeat(1e6)]: undefined,
  };
  for (const [name, meant] of Object.entries(slips)) expect(nearMiss(name, known), name).toBe(meant);
  expect(() => lookUp('method', { marina: 1 }, 'marinna')).toThrow(
    /^unknown method "marinna"; known: marina; did you mean marina\?$/,
  );
  const spec = Spec.parse('method', 'm3:Beta=1');
  spec.number('beta', 0, 1);
  expect(() => spec.rejectUnknown()).toThrow(/it takes beta; did you mean beta\?$/);
});

test('values are printed on one line of bounded length, and obeyed by no terminal', () => {
  expect(printed('a"b\n')).toBe('"a\\"b\\n"');
  expect(printed('\u009b31m\u202ex\u001b')).toBe('"\\u009b31m\\u202ex\\u001b"');
  expect(printed('x'.repeat(300))).toBe(`"${'x'.repeat(50)}"… (300 characters)`);
  expect(printed([1, 'b', { c: { d: 1 } }])).toBe("[ 1, 'b', { c: [Object] } ]");
  expect(printed(new Array(1e6).fill('x'.repeat(1000))).length).toBeLessThan(250);
  fc.assert(
    fc.property(
      fc.anything(),
      (value) => [...'\n\u001b'].every((letter) => !printed(value).includes(letter)) && printed(value).length < 1300,
    ),
  );
});

test('no text makes the parser throw anything but a UsageError', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        Spec.parse('method', text);
      } catch (error) {
        expect(error).toBeInstanceOf(UsageError);
      }
    }),
  );
});

test('an unknown name is an error that lists the known ones, and prototypes have no names', () => {
  expect(() => lookUp('method', { gd: 1, m3: 2 }, 'sgd')).toThrow('unknown method "sgd"; known: gd, m3');
  expect(() => lookUp('method', { gd: 1 }, 'constructor')).toThrow(UsageError);
});

describe('registries', () => {
  const entry = { create: () => 1 };
  const registry = Object.freeze({ first: entry });

  test('more entries make a new one; the old one stays as it was', () => {
    const second = { create: () => 2 };
    const extended = extend('thing', registry, { second });
    expect(lookUp('thing', extended, 'second')).toBe(second);
    expect(lookUp('thing', extended, 'first')).toBe(entry);
    expect(() => lookUp('thing', registry, 'second')).toThrow('unknown thing "second"; known: first');
    expect(Object.isFrozen(extended)).toBe(true);
  });

  test('a name means one thing: another object is refused, the very same is not', () => {
    expect(Object.keys(extend('thing', registry, { first: entry }))).toEqual(['first']);
    expect(() => extend('thing', registry, { first: { ...entry } })).toThrow(
      'there is a thing "first" already; choose another name',
    );
    expect(() => extend('thing', registry, { 'a b': entry })).toThrow('"a b" cannot name a thing');
  });

  test('the built-in ones cannot be changed', () => {
    for (const builtIn of [methods, problems]) expect(Object.isFrozen(builtIn)).toBe(true);
  });
});
