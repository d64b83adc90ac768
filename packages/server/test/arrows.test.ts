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

test.each(Object.entries(ALLOWED))('%s imports only what is above it', (name, allowed) => {
  const folder = join(packages, name, 'src');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  expect(files.length).toBeGreaterThan(1);
  for (const file of files) {
    // an example in a docstring may show how others import the package
    const source = readFileSync(join(folder, file), 'utf8').replaceAll(/^ *\*.*$/gm, '');
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
