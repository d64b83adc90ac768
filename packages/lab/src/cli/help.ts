import { describeOptions } from '@flotilla/server/internal';
import type { Declared } from '../terminal/command-line.js';
import { exampleLines, type HelpPart, helpPage, optionRows } from '../terminal/help-page.js';
import { dashed, declaredOptions } from './arguments.js';
import { FLAGS, SETTINGS } from './flags.js';
import { GROUPS, optionNotes } from './option-notes.js';

const examples = (program: string) =>
  exampleLines([
    [program, 'M3 on MNIST, 20 workers'],
    [`${program} --method gd`, 'the baseline it is compared with'],
    [`${program} --method marina --explain`, 'constants, formulas and bytes'],
    [`${program} --method gd --link up=10mbit,down=50mbit,latency=20ms`, ''],
    [`${program} --method m3:p=0.005 --downlink perm-k+natural`, ''],
    [`${program} --problem nonconvex-logistic --method marina --workers 5`, ''],
  ]);

interface HelpOptions {
  /** Also the options that are seldom needed. */
  readonly all: boolean;
  /** The commands there are, for who asked for no command in particular. */
  readonly commands?: Readonly<Record<string, { readonly summary: string }>>;
}

/** The help of `start`: examples, then its options by group. @param program How `start` is called here. */
export function startHelp(program: string, { all, commands = {} }: HelpOptions): string {
  const described = describeOptions();
  const declared = declaredOptions(described);
  const shown = described.filter(({ name }) => all || optionNotes[name].rare !== true);
  const groups = Object.keys(GROUPS).map((group): HelpPart => {
    const names = shown.filter(({ name }) => optionNotes[name].group === group).map(({ name }) => dashed(name));
    const own = Object.fromEntries(names.map((name) => [name, declared[name] as Declared]));
    return { title: group, rows: optionRows(group === 'Output' ? { ...own, ...SETTINGS, ...FLAGS } : own) };
  });
  const list = Object.entries(commands).map(([name, { summary }]) => [name, summary] as const);
  const parts = [
    { title: 'Examples', lines: examples(program) },
    ...(list.length === 0 ? [] : [{ title: 'Commands', rows: list }]),
    ...groups,
  ];
  const others = described.length - shown.length;
  const more = others === 0 ? [] : [`${program} --help --all lists ${others} more options.`];
  const other = list.length === 0 ? [] : ["Options alone are those of start; COMMAND --help lists a command's own."];
  return helpPage(parts, [...more, ...other].join(' ') || undefined);
}
