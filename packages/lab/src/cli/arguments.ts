import { FlotillaError, UsageError } from '@flotilla/core';
import { parseDecimal, printed } from '@flotilla/core/internal';
import { describeOptions, type OptionDescription, OTHER_NAMES } from '@flotilla/server/internal';
import { type Declared, readCommandLine } from '../terminal/command-line.js';
import { FLAGS, type FlagName, SETTINGS, type SettingName } from './flags.js';
import { optionNotes } from './option-notes.js';

type OptionName = OptionDescription['name'];

/** Options that are called otherwise here: a list is given one value at a time. */
const IRREGULAR: Partial<Readonly<Record<OptionName, string>>> = { plugins: 'plugin' };

/** An option's name on the command line, less its two dashes: targetLoss → target-loss */
export function dashed(name: string): string {
  return IRREGULAR[name as OptionName] ?? name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

export interface Arguments {
  /** Options of the run, still unchecked. */
  readonly options: Record<string, unknown>;
  readonly flags: Readonly<Record<FlagName, boolean>>;
  readonly settings: Readonly<Partial<Record<SettingName, string>>>;
}

/** How every option of a run is written, by its name on the command line. */
export function declaredOptions(described = describeOptions()): Record<string, Declared> {
  return Object.fromEntries(described.map((option) => [dashed(option.name), declare(option)]));
}

function declare({ name, kind, path, choices, description: of, preset }: OptionDescription): Declared {
  const description = preset === undefined ? of : `${of} (default: ${preset})`;
  if (kind === 'flag') return { type: 'boolean', negatable: true, description };
  const value = kind.startsWith('number') ? ['N', ...choices].join('|') : choices.join('|');
  const placeholder = optionNotes[name]?.placeholder ?? (value || (path ? 'PATH' : 'TEXT'));
  return { type: 'string', path, multiple: kind === 'list', description, placeholder };
}

/** The options that have other names, under those. */
function byOtherNames(described: readonly OptionDescription[]): OptionDescription[] {
  return described.flatMap((option) => {
    const other = OTHER_NAMES[option.name];
    return other === undefined ? [] : [{ ...option, name: other as OptionName }];
  });
}

/** Everything that `start` takes. */
export const declaredForStart = (described = describeOptions()): Record<string, Declared> => ({
  ...declaredOptions(described),
  ...declaredOptions(byOtherNames(described)),
  ...SETTINGS,
  ...FLAGS,
});

/**
 * Reads a command line. An unknown option, a missing value or a stray word is an error.
 * @throws UsageError
 */
export function readArguments(argv: readonly string[], described = describeOptions()): Arguments {
  const { values, positionals } = readCommandLine(argv, declaredForStart(described));
  const [stray] = positionals;
  if (stray !== undefined) throw new UsageError(`unexpected ${printed(stray)}: options are written --name value`);
  const options: Record<string, unknown> = {};
  for (const { name, kind } of [...described, ...byOtherNames(described)]) {
    const given = values[dashed(name)] as unknown;
    if (given === undefined) continue;
    // what is not a number is left for the schema to refuse
    options[name] = typeof given === 'string' && kind.startsWith('number') ? (parseDecimal(given) ?? given) : given;
  }
  const flags = Object.fromEntries(Object.keys(FLAGS).map((flag) => [flag, values[flag] !== undefined]));
  const settings = Object.fromEntries(Object.keys(SETTINGS).map((setting) => [setting, values[setting]]));
  return { options, flags: flags as Arguments['flags'], settings: settings as Arguments['settings'] };
}

/** What the library throws of an option, by the option's name on the command line: `stepSize must be …` → `--step-size must be …` */
export function asGiven(thrown: unknown): unknown {
  if (!(thrown instanceof FlotillaError) || thrown.option === undefined) return thrown;
  const { code, message, option } = thrown;
  if (!message.startsWith(`${option} `)) return thrown;
  const rest = message.slice(option.length).replaceAll(/\b(force|trust): true\b/g, '--$1');
  return new FlotillaError(code, `--${dashed(option)}${rest}`, { cause: thrown });
}
