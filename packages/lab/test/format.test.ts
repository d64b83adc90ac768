import { expect, test } from 'vitest';
import { rate } from '../dist/terminal/format.js';

test.each([
  [0.01234, '0.0123'],
  [78.94, '78.9'],
  [999.4, '999'],
  [999.6, '1000'],
  [2345.6, '2346'],
])('a rate of %d is written without an exponent', (value, text) => {
  expect(rate(value)).toBe(text);
});
