import type { Registry } from '@flotilla/core';
import { expect, test } from 'vitest';
import { type CompressorEntry, compressors, createCompressor } from '../dist/index.js';

/** The registry with an identity that says of itself what it likes, as each kind of entry. */
function registry(constants: object): Registry<CompressorEntry> {
  const env = { dimension: 7, workers: 2, wire: 'f32' } as const;
  const whole = () => {
    const identity = createCompressor('identity', env);
    return Object.assign(Object.create(identity), { constants: { ...identity.constants, ...constants } });
  };
  const stage = { dimension: 7, maxKept: 7, omega: 0, theta: 0, alpha: 1, density: 7, same: true };
  const select = () => ({ index: undefined, count: 7, scale: 1 });
  const codec = { omega: 0, nominalBits: 32, maxBytes: () => 28, write: () => 28, read() {} };
  return {
    ...compressors,
    mine: { selector: () => ({ ...stage, select, ...constants }) },
    codec: { quantizer: () => ({ ...codec, ...constants }) },
    whole: { standalone: whole },
    around: { wrapper: whole },
  };
}
const make = (spec: string, constants: object) =>
  createCompressor(spec, { dimension: 7, workers: 2, wire: 'f32' }, registry(constants));

const BOUND = 'a number ≥ 0, or Infinity where there is no bound';
test.each<[string, object, string]>([
  ['mine', { A: -1 }, `mine: its constant A is -1; it must be ${BOUND}`],
  ['mine', { omega: 6, A: Number.NaN }, `mine: its constant A is NaN; it must be ${BOUND}`],
  ['mine', { omega: 6, A: '3' }, `mine: its constant A is "3"; it must be ${BOUND}`],
  ['mine', { omega: 6, A: 3, B: -0.5 }, 'mine: its constant B is -0.5; it must be a number ≥ 0'],
  [
    'mine',
    { omega: 6, A: 3, B: Number.POSITIVE_INFINITY },
    'mine: its constant B is Infinity; it must be a number ≥ 0',
  ],
  ['mine', { omega: 6, A: 3, B: 3.5 }, 'mine: its constant B is 3.5; it must be at most A = 3'],
  // A is ω where it is left out
  ['mine', { omega: 3, B: 3.5 }, 'mine: its constant B is 3.5; it must be at most A = 3'],
  ['mine+natural', { omega: -2 }, `mine: its constant omega is -2; it must be ${BOUND}`],
  ['mine', { theta: undefined }, `mine: its constant theta is undefined; it must be ${BOUND}`],
  ['mine', { alpha: 1.5 }, 'mine: its constant alpha is 1.5; it must be a number from 0 to 1'],
  ['mine', { density: -1 }, 'mine: its constant density is -1; it must be a number ≥ 0'],
  ['rand-k:k=3+codec', { omega: Number.NaN }, `codec: its constant omega is NaN; it must be ${BOUND}`],
  ['whole', { A: 0.5, B: 1 }, 'whole: its constant B is 1; it must be at most A = 0.5'],
  ['around(rand-k:k=3)', { A: -1 }, `around: its constant A is -1; it must be ${BOUND}`],
  ['whole', { expectedBits: Infinity }, 'whole: its constant expectedBits is Infinity; it must be a number ≥ 0'],
])('%s with %o is a UsageError that names it, the constant and its value', (spec, constants, message) => {
  expect(() => make(spec, constants)).toThrow(
    expect.objectContaining({ code: 'usage', message: `compressor ${message}` }),
  );
});

test.each<[string, object]>([
  ['mine', {}],
  ['mine', { omega: 6, A: 3, B: 3 }],
  ['mine+natural', { omega: Infinity, theta: Infinity, A: Infinity, alpha: 0 }],
  ['whole', { A: 1, B: 1 }],
  ['around(perm-k)', { omega: 2 }],
])('%s with %o can be', (spec, constants) => {
  expect(make(spec, constants).dimension).toBe(7);
});
