import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const packages = fileURLToPath(new URL('../../', import.meta.url));

/** What each package may import of the others. */
const ALLOWED: Record<string, string[]> = {
  core: [],
  compressors: ['core'],
  protocol: ['core', 'compressors'],
  worker: ['core', 'compressors', 'protocol'],
  server: ['core', 'compressors', 'protocol', 'worker'],
  lab: ['core', 'compressors', 'protocol', 'worker', 'server'],
};

/** The TypeScript files below a folder. */
function sourcesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => /\.c?ts$/.test(file));
}

/** A file without its docstrings, whose examples may show what others do, and without the comments of whole lines. */
function codeOf(path: string): string {
  return readFileSync(path, 'utf8').replaceAll(/^ *(\/?\*|\/\/).*$/gm, '');
}

test.each(Object.entries(ALLOWED))('%s imports only what is above it', (name, allowed) => {
  const folder = join(packages, name, 'src');
  const files = sourcesIn(folder);
  expect(files.length).toBeGreaterThan(1);
  for (const file of files) {
    const source = codeOf(join(folder, file));
    for (const [, imported] of source.matchAll(/from '@flotilla\/([a-z]+)/g)) {
      expect(allowed, `${name}/src/${file}`).toContain(imported);
    }
  }
});

test('methods and problems know nothing of threads, bytes, clocks and files', () => {
  for (const part of ['method', 'problem']) {
    const folder = join(packages, 'core', 'src', part);
    for (const file of readdirSync(folder)) {
      const source = readFileSync(join(folder, file), 'utf8');
      expect(source, file).not.toMatch(/from 'node:|performance\.|Date\.|\bBuffer\.|postMessage|Math\.random/);
    }
  }
});

/** What may look at a clock or set a timer of its own, and why. */
const CLOCKS: Readonly<Record<string, string>> = {
  'core/src/runtime.ts': 'it is the clock',
  'core/src/data/download.ts': 'a server that sends nothing is given up, a lock of another process looked at again',
  'lab/src/cli/start.ts': 'the name of a run folder is a date',
};

test('time is read and waited for through the runtime alone', () => {
  const clock =
    /\bperformance\b|\bDate\.now\b|\bnew Date\b|\bhrtime\b|\bset(Timeout|Interval|Immediate)\b|\btimers\b|AbortSignal\.timeout/;
  const found = Object.keys(ALLOWED)
    .flatMap((name) => sourcesIn(join(packages, name, 'src')).map((file) => `${name}/src/${file}`))
    .filter((file) => clock.test(codeOf(join(packages, file))));
  // no more, and no fewer: a file that needs it no longer loses its place in the list
  expect(found.sort()).toEqual(Object.keys(CLOCKS).sort());
});
