import { describe, expect, test } from 'vitest';
import { describeOptions } from '../dist/internal.js';
import { parseOptions } from '../dist/run/options.js';

// What describeOptions says of an option is what parseOptions does with it.

const options = describeOptions();
const taken = (name: string, value: unknown) => () => parseOptions({ [name]: value });

const numeric = options.flatMap(({ name, range }) => (range === undefined ? [] : [{ name, range }]));

test('numbers, lists of words and bounds are found in the schema', () => {
  const found = (name: string) => options.find((option) => option.name === name);
  const workers = { integer: true, minimum: 1, exclusiveMinimum: false, maximum: 10_000 };
  expect(found('workers')).toMatchObject({ kind: 'number', choices: [], range: workers, preset: 20 });
  expect(found('threads')).toMatchObject({ kind: 'number or word', choices: ['auto'], range: { maximum: 1024 } });
  const target = { integer: false, minimum: 0, exclusiveMinimum: true, maximum: Number.POSITIVE_INFINITY };
  expect(found('target')).toMatchObject({ kind: 'number', range: target });
  expect(found('transport')).toMatchObject({ kind: 'text', choices: ['threads', 'loopback'], range: undefined });
  expect(found('stepSize')).toMatchObject({ kind: 'text', choices: [], range: undefined });
  expect(found('plugins')).toMatchObject({ kind: 'list', preset: undefined });
});

describe('the bounds of a range are the last numbers that are taken', () => {
  test.each(numeric)('$name', ({ name, range: { integer, minimum, exclusiveMinimum, maximum } }) => {
    if (Number.isFinite(minimum)) {
      if (exclusiveMinimum) expect(taken(name, minimum)).toThrow(/^\w+ cannot be/);
      else expect(taken(name, minimum)).not.toThrow();
      expect(taken(name, minimum - 1)).toThrow(/^\w+ cannot be/);
    } else {
      expect(taken(name, -1e300)).not.toThrow();
    }
    if (Number.isFinite(maximum)) {
      expect(taken(name, maximum)).not.toThrow();
      expect(taken(name, maximum + 1)).toThrow(/^\w+ cannot be/);
    } else {
      expect(taken(name, 1e300)).not.toThrow();
    }
    if (integer) expect(taken(name, minimum + 0.5)).toThrow(/^\w+ cannot be/);
    else expect(taken(name, 0.5)).not.toThrow();
  });
});

describe('of words, the choices are taken and no other', () => {
  test.each(options.filter(({ choices }) => choices.length > 0))('$name', ({ name, choices }) => {
    for (const word of choices) expect(taken(name, word)).not.toThrow();
    expect(taken(name, `${choices[0]}s`)).toThrow(/^\w+ cannot be/);
  });
});

test('defaults are those that are filled in', () => {
  const filled: Partial<Record<string, unknown>> = parseOptions({});
  for (const { name, preset, kind } of options) if (kind !== 'list') expect(filled[name], name).toBe(preset);
});
