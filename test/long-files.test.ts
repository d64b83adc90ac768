import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const MAX_LINES = 350;
/** Says why a file is longer, in its head: `Long: one suite, the whole contract of a transport.` */
const REASON = /^(?:\/\/| \*) Long: \S/m;
const HEAD_LINES = 15;

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return ['dist', 'node_modules'].includes(entry.name) ? [] : sources(path);
    return /\.[cm]?[jt]s$/.test(entry.name) ? [path] : [];
  });
}

test('a file of more than 350 lines says in its head why it is one, and no other does', () => {
  const files = ['examples', 'packages', 'test', 'tools'].flatMap(sources);
  expect(files).toContain('test/long-files.test.ts');
  const wrong = files.filter((path) => {
    const lines = readFileSync(join(root, path), 'utf8').trimEnd().split('\n');
    return lines.length > MAX_LINES !== REASON.test(lines.slice(0, HEAD_LINES).join('\n'));
  });
  expect(wrong).toEqual([]);
});
