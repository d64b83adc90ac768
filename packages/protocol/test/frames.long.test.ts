import { expect, test } from 'vitest';
import { fuzzFrames } from './fuzz-frames.js';

const DECODES = 10_000_000;

test('ten million frames that nobody has sent are refused, or read as finite values', { timeout: 3_600_000 }, () => {
  const { wrong, decodes, refused, read } = fuzzFrames(DECODES, 0x5eed);
  console.log(`${decodes} decodes, ${read} read`, refused);
  expect(wrong).toEqual([]);
  expect(decodes).toBe(DECODES);
});
