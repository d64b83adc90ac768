import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readDataFile } from '../dist/data/read-file.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-file-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
const put = (name: string, bytes: string | Uint8Array) => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};

const MiB = 2 ** 20;
/** A command's output, or undefined where there is no such command. */
function packed(command: string, bytes: Uint8Array, level = '-1'): Buffer | undefined {
  try {
    return execFileSync(command, [level, '-c'], { input: bytes, maxBuffer: 2 ** 27 });
  } catch {
    console.warn(`skipped: ${command} is not there`);
    return undefined;
  }
}

describe('what is no file and no pipe is refused, in one line', () => {
  test.each([
    ['/dev/zero', 'it is a device'],
    ['/dev/null', 'it is a device'],
    [tmpdir(), 'it is a folder'],
  ])('%s', async (path, what) => {
    const message = `cannot read ${path}: ${what}; data is read from files and pipes`;
    await expect(readDataFile(path)).rejects.toMatchObject({ code: 'io', message });
  });

  test('a socket', async () => {
    const path = join(folder, 'socket');
    const server = createServer().listen(path);
    await expect(readDataFile(path)).rejects.toMatchObject({
      code: 'io',
      message: expect.stringContaining('a socket'),
    });
    server.close();
  });
});

describe('pipes', () => {
  const makePipe = (name: string) => {
    execFileSync('mkfifo', [join(folder, name)]);
    return join(folder, name);
  };

  test('are read to their end', async () => {
    const path = makePipe('full');
    const reading = readDataFile(path);
    const writer = spawn('sh', ['-c', `sleep 0.2; printf 'one '; sleep 0.2; printf two`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const to = spawn('sh', ['-c', `cat > ${path}`], { stdio: [writer.stdout, 'ignore', 'ignore'] });
    expect((await reading).toString()).toBe('one two');
    to.kill();
  });

  test('may be packed, and have a limit', async () => {
    const path = makePipe('packed');
    const file = put('packed.gz', gzipSync('1 1:1\n'));
    const feed = () => spawn('sh', ['-c', `cat ${file} > ${path}`], { stdio: 'ignore' });
    feed();
    expect((await readDataFile(path)).toString()).toBe('1 1:1\n');
    feed();
    await expect(readDataFile(path, { limit: 5 })).rejects.toMatchObject({ code: 'usage' });
  });

  test('that nobody writes to are left when the signal says so', async () => {
    const reason = new Error('enough');
    const abort = new AbortController();
    const reading = readDataFile(makePipe('silent'), { signal: abort.signal });
    setTimeout(() => abort.abort(reason), 100);
    await expect(reading).rejects.toBe(reason);
  });
});

describe('what unpacks to more than it can be', () => {
  const zeros = new Uint8Array(70 * MiB);

  test.each(['xz', 'bzip2'])('%s: beyond 64 MiB at most 1000 times its size', async (command) => {
    const bytes = packed(command, zeros, '-9');
    if (bytes === undefined) return;
    const size = bytes.length;
    expect(1000 * size).toBeLessThan(zeros.length);
    await expect(readDataFile(put('bomb', bytes))).rejects.toMatchObject({
      code: 'usage',
      message: `${join(folder, 'bomb')} is no data: ${size} bytes that unpack to more than 67108864; at most 1000 times its size is unpacked`,
    });
  });

  test('gzip, which cannot pack so well, by the limit', async () => {
    const path = put('zeros.gz', gzipSync(zeros));
    await expect(readDataFile(path, { limit: 65 * MiB })).rejects.toThrow(`at most ${65 * MiB} bytes unpacked`);
    await expect(readDataFile(path)).rejects.toThrow('is no data');
  });

  test('a large file is refused before it is read', async () => {
    const path = put('sparse', '');
    truncateSync(path, 2 ** 31 + 1);
    await expect(readDataFile(path)).rejects.toThrow('is too large: at most 2147483648 bytes unpacked');
  });
});

test.each(['gzip', 'xz', 'bzip2'])(
  '%s: unpacking ends when the signal says so, and the event loop runs',
  async (command) => {
    // text that packs well, and not too well
    const text = Buffer.from(Array.from({ length: MiB }, (_, k) => `${(k * 7919) % 10_007} `).join(''));
    const bytes = packed(command, text);
    if (bytes === undefined) return;
    const path = put('long', bytes);
    const reason = new Error('enough');
    const abort = new AbortController();
    let turns = 0;
    const timer = setInterval(() => {
      if (++turns === 3) abort.abort(reason);
    }, 1);
    await expect(readDataFile(path, { signal: abort.signal })).rejects.toBe(reason);
    clearInterval(timer);
  },
);

test('bzip2: whatever has been packed', async () => {
  const inputs = {
    nothing: Buffer.alloc(0),
    'one byte': Buffer.of(7),
    'runs of every length': Buffer.concat(Array.from({ length: 300 }, (_, n) => Buffer.alloc(n, n % 3))),
    'all bytes': Buffer.from(Array.from({ length: 100_000 }, (_, k) => (k * k * 31 + (k >> 3)) & 255)),
    'several blocks': Buffer.from(Array.from({ length: 300_000 }, (_, k) => `${k} `).join('')),
  };
  for (const [what, input] of Object.entries(inputs)) {
    const bytes = packed('bzip2', input);
    if (bytes !== undefined) expect((await readDataFile(put('any.bz2', bytes))).equals(input), what).toBe(true);
  }
});
