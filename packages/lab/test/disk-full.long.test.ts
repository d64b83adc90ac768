import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Summary } from '@flotilla/server';
import { afterAll, expect, test } from 'vitest';
import { main } from './command-line.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-disk-full-'));
afterAll(() => rmSync(folder, { recursive: true }));

const JOB = [
  'start --problem quadratic:d=400 --method m3:p=0.3 --workers 3 --threads 1 --step-size 0.1 --rounds 30 --eval-every 5',
  '--checkpoint-every 10 --quiet --json',
].join(' ');
/** A page each: so small that the folder cannot be made, up to room for everything. */
const SIZES = Array.from({ length: 48 }, (_, k) => 4 * (k + 1));

/**
 * A disk of each size, the run on it, and the same run once there is room: a line of codes for each, in a mount namespace of its own, so
 * that nothing is left mounted.
 */
const SCRIPT = `
  ft() { ${process.execPath} ${main} "$@"; }
  mkdir disk
  for size in ${SIZES.join(' ')}; do
    mount -t tmpfs -o size=\${size}k tmpfs disk
    ft ${JOB} --out disk/r > first-$size 2> told-$size
    first=$?
    mount -o remount,size=20m disk
    if [ -e disk/r/config.json ]; then ft start --resume disk/r --quiet --json > second-$size 2>> again-$size
    else ft ${JOB} --out disk/r > second-$size 2>> again-$size; fi
    echo "$size $first $? $(ls -A disk/r | grep -c part)"
    umount disk
  done`;

test.runIf(process.getuid?.() === 0 && existsSync('/usr/bin/unshare'))(
  'a disk that is full at any write: one line, and with room again the same x',
  async () => {
    const { stdout } = await promisify(execFile)('/usr/bin/unshare', ['-m', 'bash', '-c', SCRIPT], { cwd: folder });
    const read = (name: string) => readFileSync(join(folder, name), 'utf8');
    const codes = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ').map(Number));
    expect(codes.map(([size]) => size)).toEqual(SIZES);
    const hashes = new Set<string>();
    for (const [size, first, second, parts] of codes) {
      expect({ size, second, parts }).toEqual({ size, second: 0, parts: 0 });
      // a run that is through lacks its report at the most
      const told = read(`told-${size}`).split('\n').slice(0, -1);
      expect([0, 1, 2], told.join('\n')).toContain(first);
      expect(told.length, told.join('\n')).toBeLessThanOrEqual(first === 0 ? 1 : 2);
      if (first !== 0) expect(told).not.toEqual([]);
      for (const line of told) expect(line).toMatch(/^flotilla: .*no space is left/);
      const summary = JSON.parse(read(`second-${size}`)) as Summary;
      expect(summary.rounds).toBe(30);
      hashes.add(summary.xHash);
    }
    expect(hashes.size).toBe(1);
    // it was full at first, and had room in the end
    expect(codes[0]?.[1]).not.toBe(0);
    expect(codes.at(-1)?.[1]).toBe(0);
  },
  1_200_000,
);
