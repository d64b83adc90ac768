import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const HOST = `import { train } from '@flotilla/server';
const run = train({ problem: 'quadratic:d=20', method: 'gd', workers: 2, threads: 1, rounds: 3 });
run.result.then(
  (summary) => console.log('hash ' + summary.xHash.length),
  (error) => console.log(error.code + ': ' + error.message),
);`;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-bundle-'));
  mkdirSync(join(folder, 'node_modules', '@flotilla'), { recursive: true });
  symlinkSync(fileURLToPath(new URL('..', import.meta.url)), join(folder, 'node_modules', '@flotilla', 'server'));
  writeFileSync(join(folder, 'host.mjs'), HOST);
});
afterAll(() => rmSync(folder, { recursive: true }));

type Format = 'esm' | 'cjs';
const ending = (format: Format) => (format === 'cjs' ? 'cjs' : 'mjs');

/** Bundles the host, all of it or but for @flotilla; the path of what came of it. */
const bundlers = {
  async esbuild(format: Format, external: boolean) {
    const outfile = join(folder, `esbuild-${external}.${ending(format)}`);
    await build({
      entryPoints: [join(folder, 'host.mjs')],
      outfile,
      format,
      bundle: true,
      platform: 'node',
      logLevel: 'error',
      external: external ? ['@flotilla/*'] : [],
    });
    return outfile;
  },
  async rolldown(format: Format, external: boolean) {
    const dir = join(folder, `rolldown-${format}-${external}`);
    const input = join(folder, 'host.mjs');
    const bundle = await rolldown({
      input,
      platform: 'node',
      onLog() {},
      external: external ? [/^@flotilla\//] : [],
    });
    await bundle.write({ dir, format, entryFileNames: `host.${ending(format)}` });
    return join(dir, `host.${ending(format)}`);
  },
};

describe.each(['esm', 'cjs'] as const)('a host bundled as %s', (format) => {
  test.each(['esbuild', 'rolldown'] as const)(
    'by %s: works without @flotilla in it, else says what to do',
    async (by) => {
      const run = async (external: boolean) =>
        (await promisify(execFile)(process.execPath, [await bundlers[by](format, external)])).stdout;
      expect(await run(true)).toBe('hash 64\n');
      const refused = await run(false);
      expect(refused).toMatch(
        /^usage: @flotilla\/server has been bundled.*keep it out of the bundle \(esbuild: .*rolldown/,
      );
      expect(refused.trim().split('\n').length).toBe(1);
    },
  );
});
