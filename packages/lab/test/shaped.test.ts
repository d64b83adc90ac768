import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { flotilla } from './command-line.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-shaping-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const bench = (words: string, variables = {}) => flotilla(['bench', ...words.split(' ')], folder, undefined, variables);

test('what is missing is said in one line, and nothing is measured', async () => {
  // without a search path there is no tool at all
  const { code, stdout } = await bench('wallclock --nats', { PATH: '' });
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^skipped: bench wallclock --nats needs .*nats-server, unshare, nsenter, ip, tc, openssl \(as root, apt-get .*\)\n$/,
  );
});

test.each([
  ['wallclock --nats --latency 1ms', /^flotilla: --latency and --nats cannot both be given\n$/],
  ['wallclock --nats --workers 101', /^flotilla: --workers must be 1 to 100 with --nats, not 101\n$/],
])('%s is refused', async (words, line) => {
  const { code, stderr } = await bench(words);
  expect([code, stderr]).toEqual([2, expect.stringMatching(line)]);
});
