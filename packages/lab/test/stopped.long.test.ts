import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Summary } from '@flotilla/server';
import { afterAll, expect, test } from 'vitest';
import { main } from './command-line.js';

// A process that is stopped (SIGSTOP, as a laptop that sleeps) for longer than a worker may take loses nobody.

const folder = mkdtempSync(join(tmpdir(), 'flotilla-stopped-'));
afterAll(() => rmSync(folder, { recursive: true }));
const slow = fileURLToPath(new URL('../../server/test/problems/slow.js', import.meta.url));

/** The run with a gradient that takes so many times 20 ms. */
function started(naps: number, out: string, ...more: string[]) {
  const line = `start --problem ${slow}:naps=${naps} --method gd --workers 2 --rounds 3 --eval-every 3 --max-restarts 0`;
  const words = [...line.split(' '), ...more, '--quiet', '--json', '--out', out];
  return spawn(process.execPath, [main, ...words], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
}

async function ended(child: ReturnType<typeof started>) {
  const [stdout, stderr] = ['', ''];
  const text = { stdout, stderr };
  child.stdout.on('data', (data) => (text.stdout += data));
  child.stderr.on('data', (data) => (text.stderr += data));
  const code = await new Promise((resolve) => child.on('close', resolve));
  return { code, ...text };
}

test('9 s within gradients of 2 s, with --round-timeout 5: the same x, nobody late', async () => {
  const undisturbed = await ended(started(1, 'whole'));
  const child = started(100, 'stopped', '--round-timeout', '5');
  const end = ended(child);
  // start and round 0 have taken 2 s each: somewhere in a wait for gradients
  for (let k = 0; k < 2; k++) {
    await setTimeout(3500);
    child.kill('SIGSTOP');
    await setTimeout(9000);
    child.kill('SIGCONT');
  }
  const { code, stdout, stderr } = await end;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const summary = JSON.parse(stdout) as Summary;
  expect(summary.xHash).toBe((JSON.parse(undisturbed.stdout) as Summary).xHash);
  expect(summary).not.toHaveProperty('late');
});

test('gradients of 7 s are late all the same', async () => {
  const { code, stderr } = await ended(started(350, 'late', '--round-timeout', '5', '--on-straggler', 'fail'));
  expect(code).toBe(1);
  expect(stderr).toMatch(/^flotilla: worker 0 did not answer round 0 within 5 s/);
});
