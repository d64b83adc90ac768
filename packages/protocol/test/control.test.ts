import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { type Control, type Job, packControl, unpackControl } from '../dist/control.js';
import { WIRE_VERSION } from '../dist/frame.js';
import { expectProtocolError, hex } from './expect-error.js';

const MAX_BYTES = 2 << 20;

/** What msgpack carries unchanged: it has no −0 among its integers, and JSON-like numbers are all that is sent. */
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => (x === 0 ? 0 : x));
const text = fc.string({ unit: 'grapheme' });

const job: fc.Arbitrary<Job> = fc.record(
  {
    method: text,
    problem: text,
    data: text,
    split: text,
    workers: fc.integer({ min: 1, max: 10_000 }),
    uplink: text,
    downlink: text,
    wire: fc.constantFrom('f32', 'f64'),
    init: text,
    seed: text,
    batch: fc.integer({ min: 1, max: 1e9 }),
    batchDense: fc.integer({ min: 1, max: 1e9 }),
  },
  { requiredKeys: ['method', 'problem', 'workers', 'wire', 'init', 'seed'] },
);

const messages: { readonly [T in Control['type']]: fc.Arbitrary<Extract<Control, { type: T }>> } = {
  configure: fc.record({ type: fc.constant('configure'), wireVersion: fc.constant(WIRE_VERSION), job }),
  ready: fc.record({
    type: fc.constant('ready'),
    wireVersion: fc.constant(WIRE_VERSION),
    smoothness: fc.array(fc.option(number), { maxLength: 40 }),
    sampleSmoothness: fc.array(fc.option(number), { maxLength: 40 }),
  }),
  begin: fc.record({
    type: fc.constant('begin'),
    stepSize: number,
    parameters: fc.dictionary(
      text.filter((key) => !key.startsWith('__proto')),
      fc.oneof(number, text, fc.boolean()),
      // an object without a prototype is not what unpacking returns
      { noNullPrototype: true },
    ),
  }),
  begun: fc.record({ type: fc.constant('begun') }),
  move: fc.record({ type: fc.constant('move') }),
  moved: fc.record({ type: fc.constant('moved') }),
  finish: fc.record({ type: fc.constant('finish') }),
  finished: fc.record({
    type: fc.constant('finished'),
    computeSeconds: number.map(Math.abs),
    gradientCalls: fc.array(number.map(Math.abs), { maxLength: 5 }),
  }),
  failed: fc.record(
    {
      type: fc.constant('failed'),
      code: text,
      message: text,
      worker: fc.integer({ min: 0, max: 9_999 }),
      round: fc.nat(),
      cause: fc.record({ name: text, message: text, stack: text }, { noNullPrototype: true }),
    },
    { requiredKeys: ['type', 'code', 'message'], noNullPrototype: true },
  ),
};

const someJob: Job = { method: 'gd', problem: 'quadratic', workers: 2, wire: 'f64', init: 'zeros', seed: '1' };

/** One valid message of each type. */
const valid: Control[] = [
  { type: 'configure', wireVersion: WIRE_VERSION, job: someJob },
  { type: 'ready', wireVersion: WIRE_VERSION, smoothness: [1, null], sampleSmoothness: [2, null] },
  { type: 'begin', stepSize: 0.5, parameters: { p: 0.25, downlink: 'delta', online: true } },
  { type: 'begun' },
  { type: 'move' },
  { type: 'moved' },
  { type: 'finish' },
  { type: 'finished', computeSeconds: 1.5, gradientCalls: [3, 0.25] },
  { type: 'failed', code: 'usage', message: 'no' },
  {
    type: 'failed',
    code: 'internal',
    message: 'no',
    worker: 3,
    round: 7,
    cause: { name: 'E', message: 'm', stack: '' },
  },
];

/** Any value as msgpack, by the library itself: what a peer that does not check might send. */
function pack(value: unknown): Uint8Array {
  return Uint8Array.from(new Packr({ useRecords: false }).pack(value));
}

describe('control messages', () => {
  for (const [type, message] of Object.entries(messages) as [string, fc.Arbitrary<Control>][]) {
    it(`carry ${type} unchanged`, () => {
      fc.assert(
        fc.property(message, (sent) => {
          expect(unpackControl(packControl(sent))).toEqual(sent);
        }),
      );
    });
  }

  it('carry what is undefined as undefined or absent', () => {
    const sent: Control = { type: 'configure', wireVersion: WIRE_VERSION, job: { ...someJob, data: undefined } };
    expect(unpackControl(packControl(sent))).toEqual(sent);
  });

  it('are plain MessagePack maps', () => {
    // map 16 of one entry, "type" → "begun"; the shorter fixmap is as good
    expect(hex(packControl({ type: 'begun' }))).toBe('de0001a474797065a5626567756e');
    const fixmap = Uint8Array.from(Buffer.from('81a474797065a5626567756e', 'hex'));
    expect(unpackControl(fixmap)).toEqual({ type: 'begun' });
  });

  it('are read from a view into a larger buffer', () => {
    const bytes = packControl({ type: 'finished', computeSeconds: 2, gradientCalls: [3, 0.25] });
    const large = new Uint8Array(bytes.length + 20).fill(0xc1);
    large.set(bytes, 13);
    expect(unpackControl(large.subarray(13, 13 + bytes.length))).toEqual({
      type: 'finished',
      computeSeconds: 2,
      gradientCalls: [3, 0.25],
    });
  });

  it('are packed into memory of their own, which a transfer may detach', () => {
    const first = packControl({ type: 'failed', code: 'io', message: 'first' });
    expect(first.byteOffset).toBe(0);
    expect(first.buffer.byteLength).toBe(first.length);
    const before = hex(first);
    const others = Array.from({ length: 2000 }, (_, k) =>
      packControl({ type: 'failed', code: 'io', message: `other ${k}` }),
    );
    expect(hex(first)).toBe(before);
    // msgpackr's own results share an arena, where transferring one empties the others
    structuredClone(others[0], { transfer: [others[0].buffer as ArrayBuffer] });
    expect(others[0].length).toBe(0);
    expect(unpackControl(first)).toEqual({ type: 'failed', code: 'io', message: 'first' });
    for (let k = 1; k < others.length; k++) {
      expect(unpackControl(others[k])).toEqual({ type: 'failed', code: 'io', message: `other ${k}` });
    }
  });

  it.each<[string, unknown]>([
    ['an unknown type', { type: 'reboot' }],
    ['no type', { stepSize: 1, parameters: {} }],
    ['a type that is not text', { type: 3 }],
    ['nil', null],
    ['a number', 7],
    ['text', 'begun'],
    ['a list', ['begun']],
    ['another wire version', { type: 'configure', wireVersion: WIRE_VERSION + 1, job: someJob }],
    ['an older wire version', { type: 'ready', wireVersion: WIRE_VERSION - 1, smoothness: [], sampleSmoothness: [] }],
    ['a wire version as text', { type: 'ready', wireVersion: `${WIRE_VERSION}`, smoothness: [], sampleSmoothness: [] }],
    ['no wire version', { type: 'ready', smoothness: [], sampleSmoothness: [] }],
    ['too many workers', { type: 'configure', wireVersion: WIRE_VERSION, job: { ...someJob, workers: 100_001 } }],
    ['no workers', { type: 'configure', wireVersion: WIRE_VERSION, job: { ...someJob, workers: 0 } }],
    ['no samples', { type: 'configure', wireVersion: WIRE_VERSION, job: { ...someJob, batch: 0 } }],
    ['half a sample', { type: 'configure', wireVersion: WIRE_VERSION, job: { ...someJob, batchDense: 0.5 } }],
    ['half a worker', { type: 'configure', wireVersion: WIRE_VERSION, job: { ...someJob, workers: 1.5 } }],
    ['an unknown wire', { type: 'configure', wireVersion: WIRE_VERSION, job: { ...someJob, wire: 'f16' } }],
    [
      'a job without a method',
      { type: 'configure', wireVersion: WIRE_VERSION, job: { ...someJob, method: undefined } },
    ],
    ['a job with an extra key', { type: 'configure', wireVersion: WIRE_VERSION, job: { ...someJob, extra: 1 } }],
    ['a NaN smoothness', { type: 'ready', wireVersion: WIRE_VERSION, smoothness: [Number.NaN], sampleSmoothness: [1] }],
    [
      'too many smoothness constants',
      { type: 'ready', wireVersion: WIRE_VERSION, smoothness: Array(100_001).fill(1), sampleSmoothness: [] },
    ],
    ['an infinite step size', { type: 'begin', stepSize: Infinity, parameters: {} }],
    ['a step size that is text', { type: 'begin', stepSize: '1', parameters: {} }],
    ['no parameters', { type: 'begin', stepSize: 1 }],
    ['the constants of wire version 3', { type: 'begin', constants: { stepSize: 1 } }],
    ['parameters that are a list', { type: 'begin', stepSize: 1, parameters: [1] }],
    ['parameters that are nil', { type: 'begin', stepSize: 1, parameters: null }],
    ['an infinite parameter', { type: 'begin', stepSize: 1, parameters: { p: Infinity } }],
    ['a parameter that is NaN', { type: 'begin', stepSize: 1, parameters: { p: NaN } }],
    ['a parameter that is nil', { type: 'begin', stepSize: 1, parameters: { p: null } }],
    ['a parameter that is undefined', { type: 'begin', stepSize: 1, parameters: { mu: undefined } }],
    ['a parameter that is a list', { type: 'begin', stepSize: 1, parameters: { p: [0.5] } }],
    ['a parameter that is a map', { type: 'begin', stepSize: 1, parameters: { p: { q: 1 } } }],
    ['a parameter that is bytes', { type: 'begin', stepSize: 1, parameters: { p: Uint8Array.of(1) } }],
    ['negative seconds', { type: 'finished', computeSeconds: -1, gradientCalls: [1] }],
    ['a failure without a code', { type: 'failed', message: 'no' }],
  ])('refuse %s', (_, value) => {
    expectProtocolError(() => unpackControl(pack(value)), new RegExp(`wire version ${WIRE_VERSION}`));
  });

  it.each<[string, unknown, string]>([
    ['a value', { type: 'begin', stepSize: '1', parameters: {} }, 'stepSize is "1", not number'],
    [
      'what no rule names',
      { type: 'begin', stepSize: Infinity, parameters: {} },
      'stepSize is Infinity, which is not allowed',
    ],
    ['a gap', { type: 'begin', stepSize: 1 }, 'parameters is missing'],
    ['one too many', { type: 'begun', extra: 0 }, 'extra is not known'],
    [
      'a long text',
      { type: 'ready', wireVersion: 'v'.repeat(500) },
      `wireVersion is "${'v'.repeat(99)}…, not ${WIRE_VERSION}`,
    ],
    ['nothing', null, 'the message is null, not Object'],
  ])('say what is wrong with %s, and what is allowed', (_, value, message) => {
    const whole = `not a control message of wire version ${WIRE_VERSION}: ${message}`;
    expect(() => unpackControl(pack(value))).toThrow(expect.objectContaining({ code: 'protocol', message: whole }));
  });

  it.each(valid.map((message) => [message.type, message] as const))('refuse %s with an extra key', (_, message) => {
    expect(unpackControl(pack(message))).toEqual(message);
    expectProtocolError(() => unpackControl(pack({ ...message, extra: 0 })));
  });

  it('refuse bytes before or after a message', () => {
    for (const message of valid) {
      const bytes = packControl(message);
      expectProtocolError(() => unpackControl(Uint8Array.of(...bytes, 0)));
      expectProtocolError(() => unpackControl(Uint8Array.of(0, ...bytes)));
      expectProtocolError(() => unpackControl(Uint8Array.of(...bytes, ...bytes)));
    }
  });

  it('refuse every beginning of a message', () => {
    for (const message of valid) {
      const bytes = packControl(message);
      for (let length = 0; length < bytes.length; length++) {
        expectProtocolError(() => unpackControl(bytes.subarray(0, length)));
      }
    }
  });

  it('refuse more than two mebibytes before they look at it, and read up to that', () => {
    const of = (length: number): Control => ({ type: 'begin', stepSize: 1, parameters: { text: 'x'.repeat(length) } });
    const overhead = packControl(of(70_000)).length - 70_000;
    const largest = of(MAX_BYTES - overhead);
    const bytes = packControl(largest);
    expect(bytes.length).toBe(MAX_BYTES);
    expect(unpackControl(bytes)).toEqual(largest);
    const larger = packControl(of(MAX_BYTES - overhead + 1));
    expectProtocolError(() => unpackControl(larger), /2097153 bytes, at most 2097152/);
  });

  it('are a message or a ProtocolError whatever the bytes, and the next message is read as ever', () => {
    // the first byte of a map, list or extension leads further into the decoder than a random one
    const lead = fc.constantFrom(0x81, 0x82, 0x83, 0x91, 0xc4, 0xc7, 0xc8, 0xd4, 0xd5, 0xd6, 0xdc, 0xdd, 0xde, 0xdf);
    const bytes = fc
      .tuple(fc.option(lead), fc.uint8Array({ maxLength: 60 }))
      .map(([first, rest]) => (first === null ? rest : Uint8Array.of(first, ...rest)));
    const known: Control = { type: 'begin', stepSize: 0.25, parameters: { p: 0.5 } };
    fc.assert(
      fc.property(bytes, (random) => {
        expectProtocolError(() => unpackControl(random));
        expect(unpackControl(packControl(known))).toEqual(known);
      }),
      { numRuns: 3000 },
    );
  });

  it('are a message or a ProtocolError after any flip of one bit', () => {
    for (const message of valid) {
      const bytes = packControl(message);
      for (let at = 0; at < bytes.length; at++) {
        for (let bit = 0; bit < 8; bit++) {
          const changed = bytes.slice();
          changed[at] ^= 1 << bit;
          try {
            // texts and numbers have no redundancy: a change there is another message of the same type
            expect(unpackControl(changed).type).toBe(message.type);
          } catch (error) {
            expect(error).toMatchObject({ code: 'protocol' });
          }
        }
      }
    }
  });

  it.each([
    ['a list that claims four billion items', 'ddffffffff'],
    ['lists in lists that claim 32 million items each', 'dd01ffffff'.repeat(64)],
    ['a map that claims four billion entries', 'dfffffffff'],
    ['text that claims four gigabytes', 'dbffffffff'],
    ['a million lists in each other', '91'.repeat(MAX_BYTES - 1)],
  ])('refuse %s without memory for it', (_, bytes) => {
    const before = process.memoryUsage.rss();
    expectProtocolError(() => unpackControl(Uint8Array.from(Buffer.from(bytes, 'hex'))));
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 << 20);
  });

  it('do not reach the prototype of objects', () => {
    // {type: "begin", stepSize: 1, parameters: {__proto__: …}}, which no object literal would pack
    const key = (name: string) => (0xa0 + name.length).toString(16) + Buffer.from(name).toString('hex');
    const begin = (name: string, value: string) =>
      Uint8Array.from(
        Buffer.from(
          `83${key('type')}${key('begin')}${key('stepSize')}01${key('parameters')}81${key(name)}${value}`,
          'hex',
        ),
      );
    expectProtocolError(() => unpackControl(begin('__proto__', `81${key('polluted')}01`)));
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expectProtocolError(() => unpackControl(begin('__proto__', '01')));
    // other names of Object.prototype are names like any other
    expect(unpackControl(begin('constructor', '01'))).toMatchObject({ parameters: { constructor: 1 } });
  });
});
