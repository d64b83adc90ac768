import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from 'vitest';

export const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

export interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `flotilla` with these words in a folder; `interruptAt` sends SIGINT when stderr has that text. */
export function flotilla(words: readonly string[], cwd: string, interruptAt?: string, variables = {}): Promise<Result> {
  return new Promise((resolve) => {
    const env = { ...process.env, npm_lifecycle_event: '', ...variables };
    const child = spawn(process.execPath, [main, ...words], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr, interrupted] = ['', '', false];
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
      if (interruptAt === undefined || interrupted || !stderr.includes(interruptAt)) return;
      interrupted = true;
      child.kill('SIGINT');
    });
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** The command line in a folder of its own, for the tests of one file. */
export function commandLine(name: string) {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), `flotilla-${name}-`));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const flotillaWords = (words: readonly string[], interruptAt?: string, variables = {}) =>
    flotilla(words, folder, interruptAt, variables);

  return {
    folder: () => folder,
    flotillaWords,
    flotilla: (args: string, interruptAt?: string, variables = {}) =>
      flotillaWords(
        args.split(' ').filter((arg) => arg !== ''),
        interruptAt,
        variables,
      ),
  };
}
