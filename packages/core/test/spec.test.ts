import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../dist/errors.js';
import { methods } from '../dist/method/index.js';
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

test.each(['', ':', 'M3', 'm3:', 'm3:p', 'm3:p=', 'm3:p=1,p=2', 'm3:=1', 'm 3', 'm3;p=1'])('refuses %j', (text) => {
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
