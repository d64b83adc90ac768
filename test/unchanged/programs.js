import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The command `flotilla`. */
const main = fileURLToPath(new URL('../../packages/lab/dist/cli/main.js', import.meta.url));

/** A new folder with the files that the command lines of the table name. */
function workFolder() {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'flotilla-unchanged-')));
  for (const file of ['small.libsvm', 'instance.json']) {
    copyFileSync(fileURLToPath(new URL(file, import.meta.url)), join(folder, file));
  }
  writeFileSync(join(folder, 'bad.libsvm'), '+1 1:0.5\n-1 2:x\n');
  writeFileSync(join(folder, 'unsorted.libsvm'), '+1 3:0.5 2:1\n');
  writeFileSync(join(folder, 'empty.libsvm'), '');
  writeFileSync(join(folder, 'labels.libsvm'), '1 1:0.5\n2 2:1\n3 1:1\n');
  writeFileSync(join(folder, 'no-c.json'), '{"b":[1,2]}\n');
  writeFileSync(join(folder, 'lengths.json'), '{"c":[1,2],"b":[1,2],"n":3}\n');
  writeFileSync(join(folder, 'no-plugin.mjs'), 'export const methods = {};\n');
  writeFileSync(join(folder, 'odd-plugin.mjs'), 'export default { transports: {} };\n');
  writeFileSync(join(folder, 'half-plugin.mjs'), 'export default { methods: { half: { name: "half" } } };\n');
  writeFileSync(join(folder, 'taken-plugin.mjs'), 'export default { problems: { quadratic: { create() {} } } };\n');
  mkdirSync(join(folder, 'taken'));
  writeFileSync(join(folder, 'taken', 'metrics.jsonl'), '');
  mkdirSync(join(folder, 'no-run'));
  return folder;
}

/**
 * Runs a program, `cli` (which trains), `bench`, `report` or `reproduce`, to its end. No file outside `cwd` is named in what it returns.
 * @param {string} name
 * @param {readonly string[]} args
 * @param {string} cwd
 * @returns {Promise<{ code: number | null, stdout: string, stderr: string }>}
 */
export function runProgram(name, args, cwd) {
  return new Promise((resolve, reject) => {
    // as the repository's scripts call it
    const script = { npm_lifecycle_event: name === 'cli' ? 'start' : name, npm_package_name: 'flotilla-workspace' };
    const env = { ...process.env, ...script, NO_COLOR: '1', COLUMNS: '120' };
    const command = name === 'cli' ? args : [name, ...args];
    const child = spawn(process.execPath, [main, ...command], { cwd, env });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout: placeless(stdout, cwd), stderr: placeless(stderr, cwd) }));
  });
}

/**
 * Text without what depends on where the repository and the work folder lie.
 * @param {string} text
 * @param {string} cwd
 */
const placeless = (text, cwd) =>
  text
    .replaceAll(`${cwd}/`, '')
    .replaceAll(cwd, '.')
    .replace(/ imported from \S+/g, '')
    .replaceAll(root, '');

/**
 * Calls `use` with a work folder that is gone afterwards.
 * @template T
 * @param {(folder: string) => Promise<T>} use
 */
export async function withWorkFolder(use) {
  const folder = workFolder();
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
