import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL('../quickstart.js', import.meta.url));

function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [program, ...args], (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

describe('quickstart', () => {
  it('trains on MNIST, ends by itself with code 0, and sends fewer bytes than gradient descent', async () => {
    const { code, stdout, stderr } = await run('10');
    expect(stderr).toBe('');
    expect(code).toBe(0);

    const rows = [...stdout.matchAll(/^round +(\d+) +f ([\d.]+) +up +([\d.]+) MB +down +([\d.]+) MB$/gm)].map((row) =>
      row.slice(1).map(Number),
    );
    expect(rows.map(([round]) => round)).toEqual([0, 2, 4, 6, 8, 10]);
    const [first, last] = [rows[0], rows[rows.length - 1]];
    expect(first.slice(2)).toEqual([0, 0]);
    expect(last[1]).toBeLessThan(first[1]);

    for (const [link, column] of [['uplink', 2] as const, ['downlink', 3] as const]) {
      const found = new RegExp(`^${link} +m3 +([\\d.]+) MB +gd +([\\d.]+) MB +([\\d.]+) times fewer$`, 'm').exec(
        stdout,
      );
      const [m3, gd, fewer] = (found ?? []).slice(1).map(Number);
      expect(m3).toBe(last[column]);
      // 10 rounds × 20 workers × 25,088 coordinates × 4 bytes
      expect(gd).toBe(20.07);
      expect(m3).toBeLessThan(gd / 3);
      expect(fewer).toBeCloseTo(gd / m3, 0);
    }
  });

  it('says what is wrong with an option, and exits with 2', async () => {
    const { code, stdout, stderr } = await run('0');
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^usage: rounds must be a whole number .*, not 0\n$/);
  });
});
