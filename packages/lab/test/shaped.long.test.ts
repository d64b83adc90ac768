import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { missingForShaping } from '../dist/bench/wallclock/shaped-network.js';
import { flotilla, main } from './command-line.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-shaping-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const missing = missingForShaping();
if (missing !== undefined) console.warn(`tests with kernel links are skipped, for want of ${missing}`);

describe.skipIf(missing !== undefined)('links whose rate the kernel keeps', () => {
  test('the same x as over paced links and without a rate', async () => {
    const { code, stdout, stderr } = await flotilla('bench wallclock --nats --smoke --out shaped'.split(' '), folder);
    expect(code, stderr).toBe(0);
    expect(stdout.match(/the same$/gm), stdout).toHaveLength(2);
    const { results } = JSON.parse(readFileSync(join(folder, 'shaped', 'bench', 'wallclock', 'results.json'), 'utf8'));
    expect(results.rows).toHaveLength(2);
  });

  test.each(['SIGINT', 'SIGKILL'] as const)('%s leaves no process, and so no namespace', async (signal) => {
    const words = ['bench', 'wallclock', '--nats', '--smoke', '--rounds', '2000', '--out', signal];
    const child = spawn(process.execPath, [main, ...words], {
      cwd: folder,
      stdio: 'ignore',
      env: { ...process.env, TMPDIR: folder },
    });
    let inside: readonly number[] = [];
    await vi.waitFor(() => {
      inside = descendants(child.pid as number);
      // the broker with the server, and two hosts: what runs there, and what has started it
      expect(new Set(inside.map(networkOf)).size).toBe(3);
      expect(inside.length).toBeGreaterThan(10);
    }, 60_000);
    child.kill(signal);
    await vi.waitFor(() => expect(inside.filter((pid) => networkOf(pid) !== undefined)).toEqual([]), 30_000);
    if (signal !== 'SIGINT') return;
    expect(readdirSync(folder).filter((name) => name.startsWith('flotilla-shaped-'))).toEqual([]);
  });
});

function descendants(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    return children.flatMap((child) => [child, ...descendants(child)]);
  } catch {
    return [];
  }
}

/** The network namespace of a process; undefined for one that has ended. */
function networkOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}
