import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { compressors, createCompressor } from '@flotilla/compressors';
import { DIMENSIONS, describeCompressor, SAMPLED } from '@flotilla/compressors/testing';
import { extend } from '@flotilla/core/internal';
import { train } from '@flotilla/server';
import { describe, expect, test } from 'vitest';
import plugin from '../rand-block.js';

const path = fileURLToPath(new URL('../rand-block.js', import.meta.url));

const registry = extend('compressor', compressors, plugin.compressors);

for (const k of [1, 3]) {
  const fits = (d: number) => d >= k && d <= 4096;
  describeCompressor(`rand-block:k=${k}`, {
    create: (spec, env) => createCompressor(spec, env, registry),
    dimensions: DIMENSIONS.filter(fits),
    sampled: SAMPLED.filter((c) => fits(c.dimension) && c.dimension <= 7),
    payloadBytes: (coordinates, wire) => (wire === 'f32' ? 4 : 8) * coordinates,
    coordinates: () => k,
    theory: (d, n) => ({ omega: d / k - 1, theta: (d / k - 1) / n, density: k }),
  });
}

test('at most 40 lines', () => {
  expect(readFileSync(path, 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(40);
});

describe('a run', () => {
  const options = {
    plugins: [path],
    problem: 'heterogeneous-quadratic',
    method: 'marina',
    uplink: 'rand-block:k=10+natural',
    workers: 4,
    rounds: 20,
  };

  test('the same on threads and in one process', async () => {
    const threads = await train({ ...options, transport: 'threads' }).result;
    const loopback = await train({ ...options, transport: 'loopback' }).result;
    expect(threads.xHash).toBe(loopback.xHash);
    expect(threads.uplink.coordinates).toBeGreaterThan(0);
    expect(threads.uplink.frameBytes).toBeLessThan(0.5 * threads.downlink.frameBytes);
  });

  test.each([
    [{ plugins: [`${path}.missing`] }, 'cannot be imported'],
    [{ plugins: [fileURLToPath(new URL('../../quickstart/test/quickstart.test.ts', import.meta.url))] }, 'plugin'],
    [{ plugins: [fileURLToPath(new URL('./taken.js', import.meta.url))] }, 'there is a compressor "natural" already'],
    [{ plugins: [fileURLToPath(new URL('./no-plugin.js', import.meta.url))] }, 'compressors.mine has no function'],
    [{ plugins: [], uplink: 'rand-block:k=10' }, 'unknown compressor "rand-block"'],
  ])('%o is refused', async (more, message) => {
    const { result } = train({ ...options, ...more });
    await expect(result).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining(message) });
  });

  test('from the command line', async () => {
    const main = fileURLToPath(new URL('../../../packages/lab/dist/cli/main.js', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...[main, '--json', '--quiet', '--explain', '--plugin', path, '--method', 'marina'],
      ...['--problem', 'heterogeneous-quadratic', '--workers', '4', '--uplink', 'rand-block:k=10'],
    ]);
    expect(JSON.parse(stdout).uplink).toMatchObject({ compressor: 'rand-block:k=10', density: 10 });
  });
});
