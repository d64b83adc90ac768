import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { threadPool } from '../dist/hosts/pool.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-compiled-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const bundles = ['../../worker/dist/thread-bundle.cjs', '../dist/server-thread-bundle.cjs'];

test.each(bundles)('what the build has compiled is what V8 takes: %s', async (url) => {
  const bundle = fileURLToPath(new URL(url, import.meta.url));
  const program = `
    const { readFileSync } = require('node:fs');
    const source = '(function (exports, require, module, __filename) {' + readFileSync(process.argv[1], 'latin1') + '\\n})';
    const cachedData = readFileSync(process.argv[1] + '.code');
    console.log(new (require('node:vm').Script)(source, { filename: process.argv[1], cachedData }).cachedDataRejected);
  `;
  expect((await promisify(execFile)(process.execPath, ['-e', program, bundle])).stdout).toBe('false\n');
});

test.each([
  ['without compiled code', undefined],
  ['with something else for compiled code', 'no code'],
])('a bundle runs %s', async (what, code) => {
  const bundle = join(folder, `${what.replaceAll(' ', '-')}.cjs`);
  writeFileSync(bundle, "module.exports = async (number) => require('node:path').sep.length + number;");
  if (code !== undefined) writeFileSync(`${bundle}.code`, code);
  const pool = threadPool<number, number>(pathToFileURL(bundle).href, 1);
  expect(await pool.run(41)).toBe(42);
  await pool.close();
});
