import { spawnSync } from 'node:child_process';
import { FlotillaError } from '@flotilla/core';

/** What a program prints as JSON, which runs in a process of its own. */
export function inProcess(program: string): unknown {
  const ran = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  if (ran.status !== 0) throw new FlotillaError('internal', `a measured process failed: ${ran.stderr}`);
  return JSON.parse(ran.stdout);
}
