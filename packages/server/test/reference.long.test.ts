import { expect, test } from 'vitest';
import { expectExactDescent, expectNinth, GD_LOSS, m3, relative, timesFewerBytes } from './reference.js';

test.each([
  [20, 1],
  [7, 7],
])('gradient descent, %i workers on %i threads, to 1e-9', expectExactDescent);

test.each(['0', '1', '2'])("M3, seed %s: GD's loss with a ninth of its bytes", expectNinth);

const natural = { downlink: 'perm-k+natural', uplink: 'rand-k:k=1254+natural' };

test('M3, natural compression on top: a thirteenth', async () => {
  const summary = await m3(natural);
  expect(relative(summary.loss, GD_LOSS)).toBeLessThan(0.05);
  expect(timesFewerBytes(summary)).toBeGreaterThan(13);
});

test('and dense rounds once in 200: a forty-fifth, at a loss that GD has after 300 rounds (docs/results.md)', async () => {
  const summary = await m3({ ...natural, method: 'm3:p=0.005' });
  expect(summary.loss).toBeLessThan(45.37);
  expect(timesFewerBytes(summary)).toBeGreaterThan(45);
});
