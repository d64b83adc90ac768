import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const MAX_LINES = 60;
const examples = readdirSync(join(root, 'examples'));

describe.each(examples)('examples/%s', (name) => {
  const folder = join(root, 'examples', name);
  const files = readdirSync(folder);

  test('each file can be read at once', () => {
    const long = files.filter((file) => {
      if (!file.endsWith('.js')) return false;
      return readFileSync(join(folder, file), 'utf8').trimEnd().split('\n').length > MAX_LINES;
    });
    expect(long).toEqual([]);
  });

  test('says what it is, and is listed', () => {
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).toMatch(/^# /);
    expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain(`examples/${name}`);
  });

  test.runIf(files.includes('package.json'))('is run by tests of its own', () => {
    expect(
      existsSync(join(folder, 'test')) && readdirSync(join(folder, 'test')).some((file) => file.endsWith('.test.ts')),
    ).toBe(true);
  });
});
