import { describeOptions, type NumberRange, type OptionDescription } from '@flotilla/server/internal';
import { EXIT_CODES } from '../terminal/program.js';
import { dashed } from './arguments.js';
import { benchHelp } from './bench.js';
import { commands } from './commands.js';
import { compareHelp } from './compare.js';
import { dashboardHelp } from './dashboard.js';
import { evaluateHelp } from './evaluate.js';
import { exportHelp } from './export.js';
import { FLAGS, type FlagName, SETTINGS, type SettingName } from './flags.js';
import { manifestHelp } from './manifest.js';
import { flagNotes, GROUPS, type OptionNote, optionNotes, settingNotes } from './option-notes.js';
import { predictHelp } from './predict.js';
import { reportHelp } from './report.js';
import { reproduceHelp } from './reproduce.js';
import { COUNTER_KEYS, ROW_KEYS, SUMMARY_KEYS } from './result-keys.js';
import { submitHelp } from './submit.js';
import { sweepHelp } from './sweep.js';
import { workerHelp } from './worker.js';

/** docs/cli.md: everything that a user of the command line can look up, from what the command line itself is made of. */
export function cliPage(): string {
  return [HEAD, commandSection(), SPECS, ...groupSections(), exitCodeSection(), runFolderSection(), summarySection()]
    .join('\n\n')
    .concat('\n');
}

const HEAD = `# Command line

Written from the options' schema and \`packages/lab/src/cli\`; a test keeps it true.

    flotilla COMMAND …                where the package flotilla is installed; npx flotilla COMMAND … where it is in a project
    pnpm COMMAND …                    in this repository, which it builds first
    npx --yes pnpm@10 COMMAND …       the same where pnpm is not installed

Options alone are those of \`start\`: \`flotilla --workers 100\` is \`flotilla start --workers 100\`. \`flotilla help\` lists the
commands, and \`--help\` after a command its options.

A value is written \`--name value\` or \`--name=value\`. One may begin with a dash, as in \`--target-loss -1\`; one that begins with two,
or is an option itself, needs the \`=\`. No value is empty. If an option is given twice, the last value counts. A \`~/\` that the shell
has left at the beginning of a path, as in \`--out=~/x\`, is the home folder. Numbers are decimal, in options and in specs alike:
\`20\`, \`0.5\`, \`1e-6\`.`;

function commandSection(): string {
  const rows = Object.entries(commands).map(([name, { summary }]) => [`\`${name}\``, summary]);
  const helps = [benchHelp('flotilla bench'), reportHelp('flotilla report'), reproduceHelp('flotilla reproduce')];
  const models = [evaluateHelp('flotilla evaluate'), predictHelp('flotilla predict')];
  const own = [
    sweepHelp('flotilla sweep'),
    compareHelp('flotilla compare'),
    exportHelp('flotilla export'),
    dashboardHelp('flotilla dashboard'),
  ];
  const elsewhere = [workerHelp('flotilla worker'), submitHelp('flotilla submit'), manifestHelp('flotilla manifest')];
  return `## Commands

${table(['command', ''], rows)}

The options of \`start\` have sections of their own, from [what to train](#what-to-train) on. Those of the others:

${helps.map((help) => fenced(help)).join('\n\n')}

What each of these does and leaves behind: [benchmarks.md](benchmarks.md).

${models.map((help) => fenced(help)).join('\n\n')}

What a model is, and what becomes of it: [your-own-data.md](your-own-data.md).

${own.map((help) => fenced(help)).join('\n\n')}

How these work together: [experiments-of-your-own.md](experiments-of-your-own.md).

${elsewhere.map((help) => fenced(help)).join('\n\n')}

A run on several machines: [multi-machine.md](multi-machine.md), and who starts it there: [slurm-and-kubernetes.md](slurm-and-kubernetes.md).`;
}

const SPECS = `## Specs

Methods, problems, compressors and splits are written \`name\` or \`name:key=value,key=value\`. An unknown key is refused, and so is
one that is given twice.

### Compressors

One, or several joined by \`+\`, the left one applied first:

- any number of those that choose coordinates: \`identity\`, \`rand-k:k=\`, \`same-rand-k:k=\`, \`perm-k\`, \`top-k:k=\`, \`bernoulli:p=\`;
- then at most one of those that round or pack the values left: \`natural\`, \`qsgd:levels=\`, \`l2-quantization\`,
  \`natural-dithering:levels=,p=\`, \`packed\`.

\`core:m=\` stands alone, and so does \`scaled(…)\`, which holds another compressor.

\`k\` is a number, a percentage (\`1%\`) or \`d/n\`. [compressors.md](compressors.md) says what each is. \`top-k\` and \`scaled(…)\` are
biased: only links with error feedback take them, and those take contractive compressors only.`;

function groupSections(): string[] {
  const options = describeOptions();
  return Object.entries(GROUPS).map(([group, intro]) => {
    const sections = options.filter(({ name }) => optionNotes[name].group === group).map(optionSection);
    if (group === 'Output') sections.push(...Object.keys(SETTINGS).map((name) => settingSection(name as SettingName)));
    if (group === 'Output') sections.push(...Object.entries(FLAGS).map(([name]) => flagSection(name as FlagName)));
    return [`## ${group}`, ...(intro === '' ? [] : [intro]), ...sections].join('\n\n');
  });
}

function optionSection(option: OptionDescription): string {
  const { name, description, preset } = option;
  const note: OptionNote = optionNotes[name];
  // the default has a line of its own
  const meaning = note.meaning ?? description.replace(/; default .*/, '');
  const value = option.kind === 'flag' ? `none; \`--no-${dashed(name)}\` takes it back` : allowed(option);
  return section(`\`--${dashed(name)}\``, meaning, note, [
    `value: ${note.value ?? value}`,
    `default: ${preset === undefined ? (note.otherwise ?? 'none') : `\`${preset}\``}`,
  ]);
}

function settingSection(name: SettingName): string {
  const note = settingNotes[name];
  return section(`\`--${name}\``, note.meaning ?? SETTINGS[name].description, note, [`value: ${note.value}`]);
}

function flagSection(name: FlagName): string {
  const { description, short } = FLAGS[name];
  const heading = short === undefined ? `\`--${name}\`` : `\`--${name}\`, \`-${short}\``;
  const note = flagNotes[name];
  return section(heading, note.meaning ?? description, note, []);
}

function section(
  heading: string,
  meaning: string,
  { example, text }: Partial<Pick<OptionNote, 'example' | 'text'>>,
  lines: readonly string[],
): string {
  const list = [...lines, ...(example === undefined ? [] : [`example: \`${example}\``])].map((line) => `- ${line}`);
  return [`### ${heading}`, sentence(meaning), list.join('\n'), text ?? ''].filter((part) => part !== '').join('\n\n');
}

/** What the schema says of a value. */
function allowed({ choices, range }: OptionDescription): string {
  const words = choices.map((word) => `\`${word}\``);
  if (range === undefined) return words.length === 0 ? 'text' : words.join(' or ');
  return [numbers(range), ...words].join(', or ');
}

function numbers({ integer, minimum, exclusiveMinimum, maximum }: NumberRange): string {
  const number = integer ? 'a whole number' : 'a number';
  const low = Number.isFinite(minimum) ? minimum.toLocaleString('en') : undefined;
  if (Number.isFinite(maximum)) return `${number} from ${low} to ${maximum.toLocaleString('en')}`;
  return low === undefined ? number : `${number} ${exclusiveMinimum ? '>' : '≥'} ${low}`;
}

function exitCodeSection(): string {
  const rows = Object.entries(EXIT_CODES).map(([code, means]) => [code, means]);
  return `## Exit codes\n\n${table(['exit code', ''], rows)}`;
}

function runFolderSection(): string {
  return `## Run folder

${table(
  ['file', ''],
  [
    ['`config.json`', 'every option as it was given or settled, enough to repeat the run'],
    ['`metrics.jsonl`', 'one row for each evaluated round, written as it happens: [rows](#rows)'],
    ['`summary.json`', 'what the run came to: [summary](#summary); missing when it failed'],
    [
      '`model.safetensors`',
      'the final iterate, or that of the last whole round when the run was interrupted or failed, or of the last [good](reliability.md#numbers) one: [your own data](your-own-data.md#the-file)',
    ],
    [
      '`report.html`',
      'all of it to look at: f and ‖∇f‖² against rounds, bytes of either link and of both, and seconds; one file that fetches nothing',
    ],
    [
      '`checkpoint/`',
      'the newest checkpoint and the one before, `round-N.ckpt`; `resumes.jsonl`, a line for each time that the run went on; `lock` while it is at work',
    ],
  ],
)}

The folder is made when the run starts. config.json and a checkpoint of round 0 come when everything has been checked: a run that is refused
before leaves nothing, and the same \`--out\` works again; one that is killed later goes on with [\`--resume\`](#--resume), and the message of
one that fails names that command. A folder that has one of these names in it already is refused; nothing that a run did not write is ever replaced. A file is there
whole or not at all; of metrics.jsonl, whose last row a killed process may have cut, whatever reads it takes the whole rows and says
so. When stdout or stderr is closed or full, the run goes on and ends with its files and its exit code. With \`--json\`, what plug-ins print
goes to stderr.

### Rows

${keys(ROW_KEYS)}`;
}

function summarySection(): string {
  return `### Summary

\`summary.json\` holds what \`--json\` prints, in this order. A key without a note is the option of that name.

${keys(SUMMARY_KEYS)}

### Counters

Sums over workers and rounds, for each link.

${keys(COUNTER_KEYS)}`;
}

const keys = (notes: Readonly<Record<string, string>>) =>
  table(
    ['key', ''],
    Object.entries(notes).map(([key, note]) => [`\`${key}\``, note]),
  );

/** A Markdown table. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = head.map(() => '---');
  return [head, rule, ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n');
}

/** A table cell: `|` would end it. */
const cell = (text: string) => text.replaceAll('|', '\\|');

const fenced = (text: string) => `\`\`\`\n${text.trimEnd()}\n\`\`\``;

/** A line with a capital at its beginning, unless that is a symbol or a value, and a full stop at its end. */
const sentence = (text: string) => `${text.replace(/^[a-z](?=[a-z']* )/, (letter) => letter.toUpperCase())}.`;
