import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describeProblem } from '@flotilla/core/testing';
import { expect, test } from 'vitest';
import ridge from '../ridge.js';

const N = 9;
const x = Float64Array.from({ length: 2 * N }, (_, k) => Math.sin(k + 1));
const y = Float64Array.from({ length: N }, (_, s) => Math.cos(s));

describeProblem('ridge regression', {
  spec: 'ridge:lambda=0.2',
  family: ridge,
  module: new URL('../ridge.js', import.meta.url).href,
  data: { x, shape: [N, 2], y },
  split: 'shuffled',
  offers: ['smoothness', 'samples', 'facts'],
  f: (w) => {
    const miss = Array.from(y, (label, s) => x[2 * s] * w[0] + x[2 * s + 1] * w[1] - label);
    return miss.reduce((sum, r) => sum + r * r, 0) / (2 * N) + 0.1 * (w[0] ** 2 + w[1] ** 2);
  },
});

test('train.js converges', async () => {
  const script = fileURLToPath(new URL('../train.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script]);
  const losses = [...stdout.matchAll(/f = ([0-9.]+)/g)].map((match) => Number(match[1]));
  expect(losses.length).toBe(5);
  // the regulariser alone is 0.001/2 (9 + 4 + 1) at the weights that the labels come from
  expect(losses.at(-1)).toBeLessThan(0.007);
});
