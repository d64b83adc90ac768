// pnpm fuzz [--long]: made-up payloads for a minute, or for an hour; FLOTILLA_FUZZ sets another number of seconds.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { long: { type: 'boolean', default: false } } });
const { FLOTILLA_FUZZ = values.long ? '3600' : '60' } = process.env;
const { status } = spawnSync('vitest', ['run', '--config', 'vitest.long.config.ts', 'hostile.long'], {
  stdio: 'inherit',
  env: { ...process.env, FLOTILLA_FUZZ },
});
process.exitCode = status ?? 1;
