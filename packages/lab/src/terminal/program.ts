import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ErrorCode } from '@flotilla/core';
import { asFlotillaError } from '@flotilla/core/internal';
import { originOf } from './origin.js';
import { surviveStreams } from './streams.js';
import { styleOf } from './style.js';

/** What each exit code says. */
export const EXIT_CODES = {
  0: 'finished, by any stop rule',
  1: 'the run failed: diverged, a worker lost, a file that cannot be read or written, a limit of the machine reached; from its first checkpoint on the message names the command that goes on',
  2: 'bad usage: one line says what is wrong and what is allowed',
  130: 'interrupted by Ctrl-C, SIGTERM or SIGHUP; the run folder has a checkpoint and the summary of the rounds until then, if there were any',
} as const;

/** Exit codes by cause; every other failure is 1. */
const EXIT_CODE_OF: Partial<Record<ErrorCode, keyof typeof EXIT_CODES>> = { usage: 2, aborted: 130 };

/** Runs a command's program to its end: what it throws becomes one line on stderr and an exit code. */
export async function runProgram(main: (argv: readonly string[]) => Promise<void>): Promise<void> {
  surviveStreams();
  try {
    await main(process.argv.slice(2));
  } catch (thrown) {
    const error = asFlotillaError(thrown);
    // code of the caller's own that has thrown is named; the stack is for defects of this program
    const origin =
      error.code === 'internal' && error.cause instanceof Error ? originOf(`${error.cause.stack}`) : undefined;
    const message = error.message.trim().replace(/\s*\n\s*/g, ' ');
    process.stderr.write(
      `${styleOf(process.stderr).bad('flotilla:')} ${message}${origin === undefined ? '' : ` (${origin})`}\n`,
    );
    if (error.code === 'internal' && origin === undefined) process.stderr.write(`${error.stack}\n`);
    process.exitCode = EXIT_CODE_OF[error.code] ?? 1;
  }
}

/** How a command is called here: by the repository's scripts in a checkout, such as `pnpm start`, else `flotilla start`. */
export function programName(command: string): string {
  const { npm_lifecycle_event: script, npm_package_name: name } = process.env;
  if (name === WORKSPACE && script === command) return `pnpm ${command}`;
  const scripts = scriptsHere();
  if (scripts === undefined) return `flotilla ${command}`;
  return Object.hasOwn(scripts, command) ? `pnpm ${command}` : `pnpm flotilla ${command}`;
}

const WORKSPACE = 'flotilla-workspace';

/** The scripts of the checkout that this program lies in, where that is the current folder. */
function scriptsHere(): object | undefined {
  try {
    const root = fileURLToPath(new URL('../../../../', import.meta.url));
    if (realpathSync(root) !== realpathSync('.')) return undefined;
    const { name, scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    return name === WORKSPACE ? scripts : undefined;
  } catch {
    return undefined;
  }
}
