import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const page = readFileSync(new URL('../../../docs/write-a-problem.md', import.meta.url), 'utf8');

test('the program of docs/write-a-problem.md, typed as it stands there, converges', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-page-'));
  try {
    mkdirSync(join(folder, 'node_modules'));
    const packages = fileURLToPath(new URL('../node_modules/@flotilla', import.meta.url));
    symlinkSync(packages, join(folder, 'node_modules', '@flotilla'));
    writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
    for (const name of ['least-squares.js', 'train.js']) {
      const [, code = ''] = new RegExp(`^// ${name}\n([\\s\\S]*?)^\`\`\``, 'm').exec(page) ?? [];
      writeFileSync(join(folder, name), code);
    }
    const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'train.js')]);
    const losses = Array.from(stdout.trim().split('\n'), (line) => Number(line.split(' ')[1]));
    expect(losses.length).toBe(4);
    expect(losses[0]).toBe(3.75);
    expect(losses[3]).toBeLessThan(1e-6);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
