#!/usr/bin/env node
import { UsageError } from '@flotilla/core';
import { runProgram } from '../terminal/program.js';

type Command = (argv: readonly string[]) => Promise<void>;

/** Each is loaded when it is asked for: charts and benches take longer to load than a small run takes to start. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import('./start.js')).start,
  bench: async () => (await import('./bench.js')).bench,
  reproduce: async () => (await import('./reproduce.js')).reproduce,
  report: async () => (await import('./report.js')).report,
};

/** `flotilla COMMAND …`; options alone are those of `start`. */
async function main(argv: readonly string[]): Promise<void> {
  const [first, ...rest] = argv;
  if (first === undefined || first.startsWith('-')) return (await load('start'))(argv);
  return (await load(first))(rest);
}

async function load(name: string): Promise<Command> {
  if (Object.hasOwn(commands, name)) return (commands[name] as () => Promise<Command>)();
  throw new UsageError(`unexpected ${JSON.stringify(name)}: options are written --name value`);
}

await runProgram(main);
