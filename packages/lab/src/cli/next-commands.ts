import type { Options, Summary } from '@flotilla/server';
import { hasCheckpoint } from '@flotilla/server/internal';
import { programName } from '../terminal/program.js';
import { shellWord } from '../terminal/shell-word.js';

/** The command that goes on with the run in a folder. */
export function resumeCommand(folder: string): string {
  return `${programName('start')} --resume ${shellWord(folder)}`;
}

/** What can be done with a run that has come to its end. */
export function nextCommands({ stopReason, data }: Summary, options: Options, folder: string): string[] {
  const { rounds = 500, timeLimit = 0, maxBytes = 0 } = options;
  const longer: Partial<Record<string, string>> = {
    rounds: `--rounds ${2 * rounds}`,
    'time-limit': `--time-limit ${2 * timeLimit}`,
    'max-bytes': `--max-bytes ${2 * maxBytes}`,
  };
  const more = longer[stopReason];
  const word = shellWord(folder);
  return [
    ...(more !== undefined && hasCheckpoint(folder) ? [`${resumeCommand(folder)} ${more}`] : []),
    ...(data === null ? [] : [`${programName('evaluate')} ${word} --data FILE`]),
    `${programName('compare')} ${word} OTHER`,
  ];
}
