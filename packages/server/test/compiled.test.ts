import { execFile, execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
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
    const cachedData = readFileSync(process.argv[1] + '.code').subarray(0, -4);
    console.log(new (require('node:vm').Script)(source, { filename: process.argv[1], cachedData }).cachedDataRejected);
  `;
  expect((await promisify(execFile)(process.execPath, ['-e', program, bundle])).stdout).toBe('false\n');
});

const SOURCE = "module.exports = async (number) => require('node:path').sep.length + number;";

/** A bundle in a file, with compiled code beside it. */
function bundleWith(name: string, code?: Uint8Array): string {
  const bundle = join(folder, `${name.replaceAll(' ', '-')}.cjs`);
  writeFileSync(bundle, SOURCE);
  if (code !== undefined) writeFileSync(`${bundle}.code`, code);
  return bundle;
}

async function run(bundle: string, number: number): Promise<number> {
  const pool = threadPool<number, number>(pathToFileURL(bundle).href, 1);
  try {
    return await pool.run(number);
  } finally {
    await pool.close();
  }
}

test.each([
  ['without compiled code', undefined],
  ['with an empty file for compiled code', new Uint8Array()],
  ['with something else for compiled code', Buffer.from('no code')],
])('a bundle runs %s', async (name, code) => {
  expect(await run(bundleWith(name, code), 41)).toBe(42);
});

test.each([
  ['a folder', (path: string) => mkdirSync(path)],
  ['a pipe that nobody writes to', (path: string) => execFileSync('mkfifo', [path])],
])('a bundle runs with %s for compiled code', async (name, put) => {
  const bundle = bundleWith(name);
  put(`${bundle}.code`);
  expect(await run(bundle, 41)).toBe(42);
});

test('a bundle runs whatever has become of its compiled code', async () => {
  vi.stubEnv('FLOTILLA_COMPILE', '1');
  const built = bundleWith('built');
  expect(await run(built, 41)).toBe(42);
  vi.unstubAllEnvs();
  const code = readFileSync(`${built}.code`);
  // what V8 looks at, its header of eight words, is whole in all of them
  const damaged = [
    code.subarray(0, -1),
    Uint8Array.from(code, (byte, at) => (at < 32 ? byte : 0)),
    Uint8Array.from(code, (byte, at) => (at === code.length >> 1 ? byte ^ 0xff : byte)),
  ];
  for (const [index, bytes] of damaged.entries()) expect(await run(bundleWith(`damaged ${index}`, bytes), 41)).toBe(42);
  const whole = bundleWith('whole');
  copyFileSync(`${built}.code`, `${whole}.code`);
  expect(await run(whole, 41)).toBe(42);
  // damaged, and replaced by others as long, while the process goes on
  for (const bytes of damaged) {
    writeFileSync(`${whole}.code`, bytes);
    expect(await run(whole, 41)).toBe(42);
  }
  writeFileSync(whole, SOURCE.replace('+', '-'));
  expect(await run(whole, 41)).toBe(42);
});
