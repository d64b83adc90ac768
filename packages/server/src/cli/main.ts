#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { Spec } from '@flotilla/core';
import { renderUsage } from 'citty';
import { explain } from '../explain.js';
import { parseOptions } from '../options.js';
import { StopRules } from '../stop-rules.js';
import { runProgram } from '../terminal/program.js';
import { createProgressDisplay } from '../terminal/progress.js';
import { train } from '../train.js';
import { describeCommand, readArguments } from './arguments.js';
import { closingTable } from './closing-table.js';
import { explanationText } from './explanation.js';

const EXAMPLES = `Examples
  pnpm start                                     M3 on MNIST, 20 workers
  pnpm start --method gd                         the baseline it is compared with
  pnpm start --method gd --link up=10mbit,down=50mbit,latency=20ms
  pnpm start --downlink perm-k+natural --uplink rand-k:k=1254+natural --method m3:p=0.005
  pnpm start --problem nonconvex-logistic --method marina --uplink rand-k:k=1% --workers 5
  pnpm start --method marina --problem nonconvex-logistic --workers 5 --explain
`;

async function main(argv: readonly string[]): Promise<void> {
  const { options: given, flags } = readArguments(argv);
  if (flags.help) {
    const page = `${EXAMPLES}\n${await renderUsage(describeCommand())}\n`;
    const colours = process.stdout.isTTY && !process.env.NO_COLOR;
    process.stdout.write(colours ? page : stripVTControlCharacters(page));
    return;
  }
  if (flags.version) {
    const path = new URL('../../package.json', import.meta.url);
    process.stdout.write(`${(JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version}\n`);
    return;
  }
  const checked = parseOptions(given);
  if (flags.explain) {
    const explanation = await explain(checked);
    process.stdout.write(flags.json ? `${JSON.stringify(explanation)}\n` : explanationText(explanation));
    return;
  }
  const out = checked.out ?? defaultFolder(checked.method, checked.problem);
  const options = { ...checked, out };

  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort();
  process.once('SIGINT', onInterrupt);
  process.once('SIGTERM', onInterrupt);
  const display = flags.quiet ? undefined : createProgressDisplay(process.stderr, new StopRules(options).rounds);
  try {
    const run = train({
      ...options,
      signal: interrupt.signal,
      onProgress: (at) => display?.progress(at),
    });
    for await (const row of run) display?.metrics(row);
    display?.stop();
    const summary = await run.result;
    if (flags.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
    else if (!flags.quiet) process.stdout.write(closingTable(summary, out));
  } catch (error) {
    display?.stop();
    throw error;
  } finally {
    process.off('SIGINT', onInterrupt);
    process.off('SIGTERM', onInterrupt);
  }
}

/** runs/<time>-<method>-<problem> */
function defaultFolder(method: string, problem: string): string {
  const time = new Date().toISOString().replace(/[:.]/g, '-');
  return join('runs', `${time}-${Spec.parse('method', method).name}-${Spec.parse('problem', problem).name}`);
}

await runProgram(main);
