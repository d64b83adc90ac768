import { describe, expect, test } from 'vitest';
import { describeOptions } from '../dist/internal.js';
import { checkLengths, mergeOptions, parseOptions } from '../dist/run/options.js';
import { train } from '../dist/train.js';

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
  expect(found('transport')).toMatchObject({
    kind: 'text',
    choices: ['threads', 'loopback', 'nats'],
    range: undefined,
  });
  expect(found('stepSize')).toMatchObject({ kind: 'text', choices: [], range: undefined });
  expect(found('plugins')).toMatchObject({ kind: 'list', preset: undefined });
});

describe('the bounds of a range are the last numbers that are taken', () => {
  test.each(numeric)('$name', ({ name, range: { integer, minimum, exclusiveMinimum, maximum } }) => {
    if (Number.isFinite(minimum)) {
      if (exclusiveMinimum) expect(taken(name, minimum)).toThrow(/^\w+ must be/);
      else expect(taken(name, minimum)).not.toThrow();
      expect(taken(name, minimum - 1)).toThrow(/^\w+ must be/);
    } else {
      expect(taken(name, -1e300)).not.toThrow();
    }
    if (Number.isFinite(maximum)) {
      expect(taken(name, maximum)).not.toThrow();
      expect(taken(name, maximum + 1)).toThrow(/^\w+ must be/);
    } else {
      expect(taken(name, 1e300)).not.toThrow();
    }
    if (integer) expect(taken(name, minimum + 0.5)).toThrow(/^\w+ must be/);
    else expect(taken(name, 0.5)).not.toThrow();
  });
});

describe('of words, the choices are taken and no other', () => {
  test.each(options.filter(({ choices }) => choices.length > 0))('$name', ({ name, choices }) => {
    for (const word of choices) expect(taken(name, word)).not.toThrow();
    expect(taken(name, `${choices[0]}s`)).toThrow(/^\w+ must be/);
  });
});

test('an option may be given by its other name, and errors call it so', () => {
  expect(parseOptions({ workerTimeout: 90 })).toEqual(parseOptions({ roundTimeout: 90 }));
  expect(parseOptions({ workerTimeout: 90 })).not.toHaveProperty('workerTimeout');
  expect(parseOptions({ workerTimeout: undefined, roundTimeout: 5 }).roundTimeout).toBe(5);
  expect(() => parseOptions({ workerTimeout: 0 })).toThrow('workerTimeout must be a number > 0, not 0');
  expect(() => parseOptions({ workerTimeout: 5, roundTimeout: 5 })).toThrow(
    'workerTimeout is given by its other name as well: leave one of them out',
  );
});

test('options that are merged know each other by both names', () => {
  expect(mergeOptions({ workerTimeout: 1, seed: 'a' }, { roundTimeout: 2 })).toEqual({ roundTimeout: 2, seed: 'a' });
  expect(mergeOptions({ roundTimeout: 1 }, { workerTimeout: 2 })).toEqual({ workerTimeout: 2 });
  expect(mergeOptions({ workerTimeout: 1 }, {})).toEqual({ roundTimeout: 1 });
});

test('defaults are those that are filled in', () => {
  const filled: Partial<Record<string, unknown>> = parseOptions({});
  for (const { name, preset, kind } of options) if (kind !== 'list') expect(filled[name], name).toBe(preset);
});

describe('what cannot be taken is refused in one line that names the option, whatever the value', () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const hostile = () => {
    throw new Error('from the value');
  };
  const values: [string, unknown][] = [
    ['a BigInt', 10n],
    ['a huge BigInt', 10n ** 100_000n],
    ['circular', circular],
    ['a revoked proxy', proxy],
    ['a throwing toJSON and toString', { toJSON: hostile, toString: hostile, [Symbol.toPrimitive]: hostile }],
    ['a throwing getter', Object.defineProperty({}, 'x', { enumerable: true, get: hostile })],
    ['a symbol', Symbol('s\n')],
    ['a function', hostile],
    ['no prototype', Object.create(null)],
    ['NaN', Number.NaN],
    ['null', null],
    ['long', 'x'.repeat(1e6)],
    ['deep', JSON.parse(`${'['.repeat(5000)}${']'.repeat(5000)}`)],
  ];
  test.each(values)('%s', (_, value) => {
    for (const { name, kind } of options) {
      if (typeof value === 'string' && (kind === 'text' || kind === 'list')) continue;
      let thrown: unknown;
      try {
        parseOptions({ [name]: value });
      } catch (error) {
        thrown = error;
      }
      // an empty record may be what a problem of one's own loads
      if (['data', 'validation'].includes(name) && thrown === undefined && Object.keys(Object(value)).length === 0)
        continue;
      expect(thrown, name).toMatchObject({ code: 'usage', option: name });
      const { message } = thrown as Error;
      // any record may be data in memory: what is in it is looked at, and says where it is
      if (typeof value === 'object' && ['data', 'validation'].includes(name) && message.startsWith(`${name}.`))
        continue;
      expect(message).toMatch(new RegExp(`^${name} must be [^\\n]*, not [^\\n]+$`));
      expect(message.length).toBeLessThan(500);
      expect(message).not.toContain('from the value');
    }
  });

  test('by its name in the library', () => {
    expect(taken('stepSize', -1)).toThrow(
      'stepSize must be a number > 0, theory, theory*FACTOR, measured or measured*FACTOR, not -1',
    );
    expect(taken('workers', '7')).toThrow('workers must be a whole number from 1 to 10000, not "7"');
    expect(taken('evalEvery', 0)).toThrow('evalEvery must be a whole number from 1 to 1000000000, not 0');
    expect(taken('step-size', 1)).toThrow(/^unknown option step-size; did you mean stepSize\?$/);
    expect(taken('bandwidth', 1)).toThrow(/^unknown option bandwidth; known: method, problem, /);
    for (const odd of [undefined, null, 5, 'x', proxy]) {
      if (odd !== proxy) expect(() => parseOptions(odd)).toThrow(/^options must be an object, not /);
    }
  });
});

describe('texts', () => {
  const texts = options.filter(({ kind, choices }) => kind === 'text' && choices.length === 0);

  test.each(texts)('an empty $name is refused', ({ name }) => {
    expect(taken(name, '')).toThrow(`${name} must not be empty`);
  });

  test.each(options.filter(({ path }) => path))('$name: ~/ is not expanded here, and refused', ({ name, kind }) => {
    for (const given of ['~', '~/x']) {
      expect(taken(name, kind === 'list' ? [given] : given)).toThrow(new RegExp(`^${name} .*~`));
    }
    expect(taken(name, kind === 'list' ? ['a\0b'] : 'a\0b')).toThrow(new RegExp(`^${name} `));
    expect(taken(name, kind === 'list' ? ['~x'] : '~x')).not.toThrow();
  });

  test('have a length that a run can send to its workers', async () => {
    // that of times and rounds is not any text
    for (const { name } of texts.filter((option) => option.name !== 'checkpointEvery')) {
      expect(() => checkLengths(parseOptions({ [name]: 'x'.repeat(10_000) }))).not.toThrow();
      expect(() => checkLengths(parseOptions({ [name]: 'x'.repeat(100_001) }))).toThrow(
        new RegExp(`^${name} must have at most 100*0 characters, not 100001$`),
      );
    }
    const seeded = (length: number) =>
      train({ problem: 'quadratic:d=3', method: 'gd', workers: 2, rounds: 1, seed: '\u20ac'.repeat(length) }).result;
    await expect(seeded(10_000)).resolves.toMatchObject({ rounds: 1 });
    await expect(seeded(2_000_000)).rejects.toMatchObject({
      code: 'usage',
      message: 'seed must have at most 10000 characters, not 2000000',
    });
  });
});

test('what the server thread refuses has the option that it is about', async () => {
  const run = (rest: object) => train({ problem: 'quadratic:d=3', workers: 2, rounds: 1, ...rest }).result;
  await expect(run({ method: 'gd', uplink: 'natural' })).rejects.toMatchObject({ code: 'usage', option: 'uplink' });
  await expect(run({ out: '/proc/flotilla' })).rejects.toMatchObject({ code: 'usage', option: 'out' });
});
