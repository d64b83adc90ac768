import { UsageError } from '@flotilla/core';
import { printed } from '@flotilla/core/internal';
import { AbortedError, type JoinOptions, joinRun } from '@flotilla/server';
import { type Declared, numberOption, readCommandLine } from '../terminal/command-line.js';
import { exampleLines, helpPage, optionRows } from '../terminal/help-page.js';
import { interruptible } from '../terminal/interrupt.js';
import { programName } from '../terminal/program.js';

const OPTIONS = {
  nats: {
    type: 'string',
    placeholder: 'URL',
    description: 'the broker, nats://HOST:PORT or tls://HOST:PORT; else the variable NATS_URL',
  },
  run: { type: 'string', placeholder: 'ID', description: 'what the run is called on the broker: its server prints it' },
  workers: {
    type: 'string',
    placeholder: 'A..B',
    description: "the run's workers that this process hosts, such as 4..7; default all",
  },
  share: {
    type: 'string',
    placeholder: 'R/H',
    description:
      'or: share R, from 0 on, of H equal ones; else the rank that Slurm, Kubernetes (indexed jobs) or Open MPI give a process',
  },
  threads: { type: 'string', placeholder: 'N', description: 'threads that they share; default one a core' },
  data: {
    type: 'string',
    path: true,
    placeholder: 'FILE',
    description: 'data that the run has from a file: this is it; contents are compared',
  },
  problem: {
    type: 'string',
    path: true,
    placeholder: 'MODULE',
    description: "the run's problem, where it is a module of your own; contents are compared",
  },
  init: { type: 'string', path: true, placeholder: 'FILE', description: 'x⁰, where the run has it from a file' },
  plugin: {
    type: 'string',
    path: true,
    multiple: true,
    placeholder: 'FILE',
    description: "a plug-in of the run's; may be given again",
  },
  'nats-nkey': {
    type: 'string',
    path: true,
    placeholder: 'FILE',
    description: 'the seed of an NKey, which lets this process in',
  },
  'nats-token': { type: 'string', path: true, placeholder: 'FILE', description: 'a token, in place of an NKey' },
  'nats-ca': {
    type: 'string',
    path: true,
    placeholder: 'FILE',
    description: "certificates that the broker's is signed by",
  },
  quiet: { type: 'boolean', short: 'q', description: 'say nothing but errors' },
  help: { type: 'boolean', short: 'h', description: 'show this' },
} as const satisfies Record<string, Declared>;

/** @param program How the command is called here. */
export const workerHelp = (program: string) =>
  helpPage(
    [
      {
        title: 'Examples',
        lines: exampleLines([
          [`${program} --nats nats://127.0.0.1:4222 --run mine --workers 0..9`, 'hosts ten of its workers'],
          [`${program} --nats nats://127.0.0.1:4222 --run mine --share 1/4`, 'the second quarter of them'],
        ]),
      },
      { title: 'Options', rows: optionRows(OPTIONS) },
    ],
    'Hosts workers of a run that another process serves with --transport nats.',
  );

/** `flotilla worker`: until the run is over. */
export async function worker(argv: readonly string[]): Promise<void> {
  const { values, positionals } = readCommandLine(argv, OPTIONS);
  if (values.help === true) {
    process.stdout.write(workerHelp(programName('worker')));
    return;
  }
  if (positionals.length > 0) throw new UsageError(`unexpected ${printed(positionals[0])}: worker takes options alone`);
  const url = values.nats ?? process.env.NATS_URL;
  if (url === undefined) throw new UsageError('worker needs the broker: --nats nats://127.0.0.1:4222');
  if (values.run === undefined) throw new UsageError('worker needs the run: --run ID, which its server prints');
  if (values.workers !== undefined && values.share !== undefined) {
    throw new UsageError('--workers and --share cannot both be given');
  }
  const isCount = (value: number) => Number.isInteger(value) && value >= 1 && value <= 1024;
  const options: JoinOptions = {
    nats: { url, nkey: values['nats-nkey'], token: values['nats-token'], ca: values['nats-ca'] },
    run: values.run,
    workers: values.workers === undefined ? shareOf(values.share, process.env) : rangeOf(values.workers),
    threads: numberOption('threads', values.threads, 'a whole number from 1 to 1024', isCount),
    data: values.data,
    problem: values.problem,
    init: values.init,
    plugins: values.plugin,
    onNote: values.quiet === true ? undefined : (line) => void process.stderr.write(`${line}\n`),
  };
  await interruptible(async (signal) => {
    await joinRun({ ...options, signal });
    if (signal.aborted) throw new AbortedError(undefined, signal.reason, 'while it hosted workers');
  });
}

/** `4..7`, or `4`. @throws UsageError */
export function rangeOf(text: string): { from: number; to: number } {
  const [, from, to = from] = /^(\d{1,4})(?:\.\.(\d{1,4}))?$/.exec(text) ?? [];
  if (from !== undefined && Number(from) <= Number(to)) return { from: Number(from), to: Number(to) };
  throw new UsageError(`--workers must be A..B, such as 4..7, not ${printed(text)}`);
}

/** Ranks and numbers of processes, by whoever starts them. */
const RANKS = [
  ['SLURM_PROCID', 'SLURM_NTASKS'],
  ['JOB_COMPLETION_INDEX', 'FLOTILLA_HOSTS'],
  ['OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE'],
] as const;

/** The share that was asked for, or the one that a scheduler has given this process; undefined for all. @throws UsageError */
export function shareOf(
  text: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): { rank: number; of: number } | undefined {
  const [given] = RANKS.filter(([rank, of]) => environment[rank] !== undefined && environment[of] !== undefined);
  const found = text ?? (given && `${environment[given[0]]}/${environment[given[1]]}`);
  if (found === undefined) return undefined;
  const [, rank, of] = /^(\d{1,5})\/(\d{1,5})$/.exec(found) ?? [];
  if (rank !== undefined && Number(rank) < Number(of)) return { rank: Number(rank), of: Number(of) };
  const name = text === undefined && given !== undefined ? `${given[0]}/${given[1]}` : '--share';
  throw new UsageError(`${name} must be R/H with R from 0 to H − 1, such as 1/4, not ${printed(found)}`);
}
