import { UsageError } from '@flotilla/core';
import { printedWord } from '@flotilla/core/internal';
import { replaceOwn } from '../files/replace-own.js';
import { csv } from '../report/csv.js';
import { withHome } from '../terminal/command-line.js';
import { programName } from '../terminal/program.js';
import { printResult } from '../terminal/streams.js';
import { readRuns } from './read-runs.js';

/** @param program How the command is called here. */
export const exportHelp = (program: string) => `${program} RUN… --csv [FILE]   the rows of a run as CSV
To FILE, or to stdout, with flat columns such as uplink.frameBytes. Of several
runs, or of the folder of start --seeds or of a sweep, the rows of one after the
other; columns run and seed tell them apart.
`;

/** `flotilla export`. */
export async function exportRuns(argv: readonly string[]): Promise<void> {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(exportHelp(programName('export')));
    return;
  }
  const { paths, file } = read(argv);
  const runs = readRuns(paths);
  const rows = runs.flatMap(({ folder, config, rows }) =>
    runs.length === 1 ? rows : rows.map((row) => ({ run: folder, seed: config.seed, ...row })),
  );
  const text = csv(rows);
  if (file === undefined) {
    printResult(text);
    return;
  }
  replaceOwn(file, text, runs.length === 1 ? 'round,' : 'run,', '--csv');
  process.stdout.write(`${file}\n`);
}

/** Reads `RUN… --csv [FILE]`: the word behind `--csv` is the file. @throws UsageError */
function read(argv: readonly string[]): { paths: string[]; file: string | undefined } {
  const paths: string[] = [];
  let file: string | undefined;
  let asked = false;
  for (let k = 0; k < argv.length; k++) {
    const word = argv[k] as string;
    const next = argv[k + 1];
    if (word === '--csv' || word.startsWith('--csv=')) {
      asked = true;
      if (word !== '--csv') file = word.slice('--csv='.length);
      else if (next !== undefined && !next.startsWith('--')) file = argv[++k];
      if (file === '') throw new UsageError('--csv cannot be "": it is a file, or nothing for stdout');
    } else if (word.startsWith('-')) {
      throw new UsageError(`unknown option ${printedWord(word)}; known: --csv --help`);
    } else paths.push(word);
  }
  if (!asked) throw new UsageError('export needs --csv, the one format there is');
  if (paths.length === 0) throw new UsageError('export needs the folder of a run before --csv');
  return { paths, file: file === undefined ? undefined : withHome('--csv', file) };
}
