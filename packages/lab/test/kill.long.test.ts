import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { killed, type Point, undisturbed } from './kill.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-kills-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Points on the clock, and points behind each file that a run leaves. */
const FILES = ['config.json', 'checkpoint/lock', 'checkpoint/next.part', 'metrics.jsonl', 'model.safetensors'];
const POINTS = 200;

test(`SIGKILL at ${POINTS} points, then --resume: always the same x`, async () => {
  const whole = await undisturbed(folder);
  let resumed = 0;
  for (let k = 0; k < POINTS; k++) {
    const point: Point =
      k % 2 === 0 ? { ms: (1.1 * whole.ms * k) / POINTS } : { file: FILES[(k >> 1) % FILES.length], ms: k % 7 };
    resumed += await killed(folder, `run-${k}`, [point], whole);
  }
  // on a machine that grew faster meanwhile, many have ended before they were killed
  expect(resumed).toBeGreaterThan(POINTS / 4);
}, 3_600_000);
