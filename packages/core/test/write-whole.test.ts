import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeFolder, writeWhole } from '../dist/internal.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-whole-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);

describe('a file is written whole', () => {
  test('text, bytes, or pieces one after the other; nothing else is left', () => {
    writeWhole(at('text'), 'grüße\n');
    writeWhole(at('pieces'), [Buffer.from('ab'), new Uint8Array(0), Buffer.from('c')]);
    expect(readFileSync(at('text'), 'utf8')).toBe('grüße\n');
    expect(readFileSync(at('pieces'), 'utf8')).toBe('abc');
    expect(readdirSync(folder).sort()).toEqual(['pieces', 'text']);
  });

  test.runIf(existsSync('/usr/bin/unshare') && process.getuid?.() === 0)(
    'or not at all, where the disk is full: one line, and its remains go',
    () => {
      const module = fileURLToPath(new URL('../dist/internal.js', import.meta.url));
      const program = `import { writeWhole } from ${JSON.stringify(module)};
        try { writeWhole('disk/big', new Uint8Array(1 << 20)); } catch (e) { console.log(JSON.stringify([e.code, e.message])); }`;
      writeFileSync(at('p.mjs'), program);
      mkdirSync(at('disk'));
      const script = 'mount -t tmpfs -o size=64k tmpfs disk && "$0" p.mjs && ls -A disk';
      const out = execFileSync('sh', ['-c', `unshare -m sh -c '${script}' "$0"`, process.execPath], {
        cwd: folder,
        encoding: 'utf8',
      });
      expect(out).toBe('["io","disk/big cannot be written: no space is left"]\n');
    },
  );
});

describe('what somebody else has written stays', () => {
  const refused = (path: string) =>
    expect(() => writeWhole(path, 'new', (head) => head.startsWith('ours'))).toThrow(
      expect.objectContaining({
        code: 'io',
        message: expect.stringContaining(`${path} cannot be written: it is there`),
      }),
    );

  test('a file, a folder, a link to a file of ours, a link to nothing', () => {
    writeFileSync(at('file'), 'mine');
    mkdirSync(at('folder'));
    writeFileSync(at('target'), 'ours');
    symlinkSync(at('target'), at('link'));
    symlinkSync(at('nowhere'), at('dangling'));
    for (const name of ['file', 'folder', 'link', 'dangling']) refused(at(name));
    expect(readFileSync(at('file'), 'utf8')).toBe('mine');
    expect(readFileSync(at('target'), 'utf8')).toBe('ours');
    expect(readdirSync(folder).sort()).toEqual(['dangling', 'file', 'folder', 'link', 'target']);
  });

  test('a .part file beside it is nobody’s business; a file of ours is replaced', () => {
    writeFileSync(at('page.part'), 'mine');
    writeFileSync(at('page'), 'ours, old');
    writeWhole(at('page'), 'ours, new', (head) => head.startsWith('ours'));
    expect(readFileSync(at('page'), 'utf8')).toBe('ours, new');
    expect(readFileSync(at('page.part'), 'utf8')).toBe('mine');
  });
});

test('folders are made all or none, and named', () => {
  expect(makeFolder(at('a/b'))).toEqual([at('a'), at('a/b')]);
  expect(makeFolder(at('a/b'))).toEqual([]);
  expect(() => makeFolder(at(`c/${'x'.repeat(300)}`))).toThrow('ENAMETOOLONG');
  expect(readdirSync(folder)).toEqual(['a']);
});
