import { describe, test } from 'vitest';
import { suites } from './method-suites.js';
import { expectResumed } from './resumed.js';

describe('stopped after round 7, at round 13 the same x, bytes, counters and rows', () => {
  test.each(Object.keys(suites))('%s, on other threads and transports', expectResumed);
});
