import { expect, test } from 'vitest';
import { bytes, duration, number, tick } from '../src/page/format.js';
import { History } from '../src/page/history.js';
import { median, stragglers } from '../src/page/stragglers.js';

test('a history keeps a bounded number of its items, evenly, with the first and the last', () => {
  const history = new History<number>(3000);
  for (let k = 0; k < 1_000_000; k++) {
    history.add(k);
    if (k === 2999) expect(history.items()).toEqual(Array.from({ length: 3000 }, (_, i) => i));
  }
  const items = history.items();
  expect(history.length).toBe(1_000_000);
  expect(items.length).toBeGreaterThan(1500);
  expect(items.length).toBeLessThanOrEqual(3001);
  expect([items[0], items[items.length - 1]]).toEqual([0, 999_999]);
  // halved nine times: 3000 · 2⁹ is the first bound above a million
  const gaps = new Set(items.slice(1, -1).map((item, k) => item - items[k]));
  expect([...gaps]).toEqual([512]);
});

test('numbers as they are written', () => {
  expect([0, 999, 1000, 20_000, 1_234_567, Number.NaN, null].map(bytes)).toEqual([
    '0 B',
    '999 B',
    '1.00 kB',
    '20.0 kB',
    '1.23 MB',
    '–',
    '–',
  ]);
  expect([20_000, 200_000, 2_500_000, 0].map((value) => tick(value, 'bytes'))).toEqual([
    '20 kB',
    '200 kB',
    '2.5 MB',
    '0 B',
  ]);
  expect([0, 1e-5, 0.1234567, 12345.6, 1e6].map(number)).toEqual(['0', '1e-5', '0.12346', '12346', '1e+6']);
  expect([0, 2e-5, 0.0123, 7.5, 75, 3700].map(duration)).toEqual([
    '0 s',
    '20 µs',
    '12.3 ms',
    '7.50 s',
    '1:15',
    '1:01:40',
  ]);
});

test('the median of any number of values', () => {
  expect([median([]), median([3]), median([4, 1]), median([9, 1, 10])]).toEqual([0, 3, 2.5, 9]);
});

const of = (computeSeconds: number[], waitedSeconds: number[]) => [
  ...stragglers({ computeSeconds, waitedSeconds, losses: [], uplinkBytes: [], downlinkBytes: [] }),
];

test('a straggler computes for long or is waited for; the first worker is waited for in any case', () => {
  // a run of 20 workers that are alike, on two cores: what was measured
  const alike = [
    0.659, 0.528, 0.595, 0.547, 0.765, 0.467, 0.772, 0.384, 0.668, 0.572, 0.497, 0.375, 0.546, 0.64, 0.503,
  ];
  const waited = [
    2.75, 1.2, 0.543, 0.284, 0.16, 0.157, 0.0994, 0.00363, 0.088, 0.0628, 0.0205, 0.0316, 0.0878, 0.03, 0.0126,
  ];
  expect(of(alike, waited)).toEqual([]);
  expect(of([1, 1, 1, 2.1, 1], [3, 0, 0, 0, 0])).toEqual([3]);
  // on a slow link: it computes as the others do
  expect(of([1, 1, 1, 1, 1], [1, 0.1, 2, 0.1, 0.1])).toEqual([2]);
  expect(of([5, 1, 1], [5, 0, 0])).toEqual([0]);
  // nothing to speak of yet
  expect(of([0.001, 0.0001, 0.0001], [0, 0.002, 0])).toEqual([]);
  expect(of([4], [4])).toEqual([]);
});
