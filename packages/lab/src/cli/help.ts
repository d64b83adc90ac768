import { stripVTControlCharacters } from 'node:util';
import { describeOptions } from '@flotilla/server/internal';
import { type ArgsDef, type CommandDef, renderUsage } from 'citty';
import { dashed, FLAGS, SETTINGS } from './arguments.js';

const examples = (program: string) => `Examples
  ${program}                                     M3 on MNIST, 20 workers
  ${program} --method gd                         the baseline it is compared with
  ${program} --method gd --link up=10mbit,down=50mbit,latency=20ms
  ${program} --downlink perm-k+natural --uplink rand-k:k=1254+natural --method m3:p=0.005
  ${program} --problem nonconvex-logistic --method marina --uplink rand-k:k=1% --workers 5
  ${program} --method marina --problem nonconvex-logistic --workers 5 --explain
`;

/**
 * The help of `start`: examples, then every option with its default; coloured for a terminal.
 * @param program How `start` is called here.
 * @param commands A paragraph on the other commands, for who asked for no command in particular.
 */
export async function startHelp(program: string, commands?: string): Promise<string> {
  const options = await renderUsage(describeStart(program));
  const page = [examples(program), ...(commands === undefined ? [] : [commands]), `${options}\n`].join('\n');
  const coloured = process.stdout.isTTY && !process.env.NO_COLOR;
  return coloured ? page : stripVTControlCharacters(page);
}

/** `start` as citty describes it. */
function describeStart(program: string): CommandDef {
  const args: ArgsDef = {};
  for (const { name, description, preset } of describeOptions()) {
    args[dashed(name)] = {
      type: 'string',
      description,
      ...(preset === undefined ? {} : { default: String(preset) }),
    };
  }
  for (const [setting, { description }] of Object.entries(SETTINGS)) args[setting] = { type: 'string', description };
  for (const [flag, { description, short }] of Object.entries(FLAGS)) {
    args[flag] = { type: 'boolean', description, alias: short === undefined ? [] : [short] };
  }
  const description = 'Trains with compressed communication over worker threads and measures every byte.';
  return { meta: { name: program, description }, args };
}
