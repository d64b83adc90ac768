import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { svg } from '../svg.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-chart-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The places of each curve. */
const drawn = (picture: string) =>
  [...picture.matchAll(/<polyline .*points="(.*)"/g)].map((match) =>
    String(match[1])
      .split(' ')
      .map((place) => place.split(',').map(Number)),
  );

test('points lie where their values are, and axes have round numbers', () => {
  const curve = (name: string, k: number) => ({
    name,
    colour: '#000',
    points: [0, 1, 2].map((t) => ({ megabytes: 30 * t * k, seconds: 3 * t, f: 80 / (t + 1) })),
  });
  const picture = svg('a title', [curve('one', 1), curve('other', 2)]);
  // 300 by 200 from (50, 240) and from (430, 240); 120 MB, 6 s and f = 80 are the most
  const right = (k: number) => [0, 75 * k, 150 * k].map((x) => 50 + x);
  const down = [40, 140, 240 - 200 / 3].map((y) => Number(y.toFixed(1)));
  expect(drawn(picture)).toEqual([
    right(1).map((x, t) => [x, down[t]]),
    right(2).map((x, t) => [x, down[t]]),
    ...[1, 2].map(() => [430, 580, 730].map((x, t) => [x, down[t]])),
  ]);
  const words = [...picture.matchAll(/<text .*>(.*)<\/text>/g)].map((match) => match[1]);
  expect(words.slice(0, 7)).toEqual(['0', '50', '100', '0', '20', '40', '60']);
  expect(picture).not.toMatch(/href|url\(|<script/);
});

test('the program draws gradient descent and M3, which sends fewer bytes', async () => {
  const program = fileURLToPath(new URL('../chart.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, 'chart.svg', '6'], { cwd: folder });
  const [gd, m3] = [...stdout.matchAll(/^.*: f ([\d.]+) after (\d+) MB and ([\d.]+) s$/gm)].map((match) =>
    match.slice(1).map(Number),
  );
  // 6 rounds × 20 workers × 2 × (8 + 4 × 25,088) bytes
  expect(gd[1]).toBe(24);
  expect(m3[1]).toBeLessThan(gd[1]);
  const curves = drawn(readFileSync(join(folder, 'chart.svg'), 'utf8'));
  expect(curves.map((places) => places.length)).toEqual([7, 7, 7, 7]);
  for (const [[x]] of curves.slice(0, 2)) expect(x).toBe(50);
  // gradient descent sends most, and so ends where the axis does
  expect(curves[0].at(-1)?.[0]).toBe(350);
});
