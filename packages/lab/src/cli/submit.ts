import { spawnSync } from 'node:child_process';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FlotillaError, UsageError } from '@flotilla/core';
import { printed } from '@flotilla/core/internal';
import { replaceOwn } from '../files/replace-own.js';
import { type Connection, readJob } from '../schedulers/job.js';
import { SCRIPT_MARK, slurmScript } from '../schedulers/slurm.js';
import { countOption, type Declared } from '../terminal/command-line.js';
import { exampleLines, helpPage, optionRows } from '../terminal/help-page.js';
import { programName } from '../terminal/program.js';
import { printResult } from '../terminal/streams.js';

const OPTIONS = {
  slurm: { type: 'boolean', description: 'for Slurm, the one scheduler there is: a script for sbatch' },
  submit: { type: 'boolean', description: 'send it with sbatch' },
  script: {
    type: 'string',
    path: true,
    placeholder: 'FILE',
    description: 'where the script is written; default the name of the run folder with .sbatch behind it, here',
  },
  hosts: { type: 'string', placeholder: 'H', description: "processes that share the run's workers (default: nodes)" },
  nodes: { type: 'string', placeholder: 'N', description: 'nodes that they are spread over (default: 1)' },
  cpus: { type: 'string', placeholder: 'C', description: 'cores of a host (default: 1)' },
  broker: {
    type: 'boolean',
    description: 'start nats-server in the job, on loopback, for one node; else --nats names a broker',
  },
  sbatch: {
    type: 'string',
    multiple: true,
    placeholder: 'OPTION',
    description: 'a further option of sbatch, as --sbatch=--partition=long; may be given again',
  },
  help: { type: 'boolean', short: 'h', description: 'show this' },
} as const satisfies Record<string, Declared>;

/** @param program How the command is called here. */
export const submitHelp = (program: string) =>
  helpPage(
    [
      {
        title: 'Examples',
        lines: exampleLines([
          [`${program} --slurm --broker --hosts 4 --workers 40 --out runs/a`, 'one node'],
          [
            `${program} --slurm --nodes 4 --out b --nats tls://b --nats-token t`,
            'four nodes, and a broker that is there already',
          ],
        ]),
      },
      { title: 'Options', rows: optionRows(OPTIONS) },
    ],
    'Writes a batch script: the server and hosts of a run as one job, which goes on from its checkpoint when it is requeued. All other options are those of start; --out is needed.',
  );

/** `flotilla submit`. */
export async function submit(argv: readonly string[]): Promise<void> {
  const { own, connection, out, job } = readJob(argv, OPTIONS);
  if (own.help === true) {
    process.stdout.write(submitHelp(programName('submit')));
    return;
  }
  if (own.slurm !== true) throw new UsageError('submit needs the scheduler: --slurm, the one there is');
  if (out === undefined) {
    throw new UsageError('submit needs --out, the folder that the run goes on from when it is requeued');
  }
  const nodes = countOption('nodes', own.nodes) ?? 1;
  const hosts = countOption('hosts', own.hosts) ?? nodes;
  const broker = brokerOf(connection, own.broker === true, nodes);
  const checked = job(broker ?? connection);
  const { workers } = checked.options;
  if (hosts < nodes) throw new UsageError(`--hosts ${hosts} must be at least --nodes ${nodes}: none would be idle`);
  if (hosts > workers) throw new UsageError(`--hosts ${hosts} must be at most --workers ${workers}`);
  const text = slurmScript({
    job: checked,
    out,
    folder: process.cwd(),
    program: [process.execPath, fileURLToPath(new URL('main.js', import.meta.url))],
    hosts,
    nodes,
    cpus: countOption('cpus', own.cpus) ?? 1,
    sbatch: (own.sbatch ?? []).map(checkedDirective),
    broker: broker === undefined ? undefined : wordsOf(broker),
    run: connection.run,
  });
  const script = own.script ?? `${basename(resolve(out))}.sbatch`;
  replaceOwn(script, text, SCRIPT_MARK, own.script === undefined ? '--out' : '--script');
  printResult(own.submit === true ? send(script) : `${script}\n`);
}

/** The broker that was named; undefined for one of the job's own. @throws UsageError */
function brokerOf(connection: Connection, isOwn: boolean, nodes: number): Connection | undefined {
  if (isOwn) {
    const other = Object.keys(connection).find((name) => name !== 'run');
    if (other !== undefined) throw new UsageError(`--broker and --${other} cannot both be given`);
    if (nodes === 1) return undefined;
    throw new UsageError(`--broker is for one node, not ${nodes}: it is on loopback; name a broker with --nats`);
  }
  const { nats = process.env.NATS_URL } = connection;
  if (nats === undefined)
    throw new UsageError('submit needs a broker: --nats tls://HOST:PORT, or --broker on one node');
  const local = nats.split(',').find((one) => /^\w+:\/\/(localhost|127\.|\[::1\])/.test(one));
  if (nodes > 1 && local !== undefined) {
    throw new UsageError(`--nats ${printed(local)} is another broker on each of the ${nodes} nodes: name its host`);
  }
  return { ...connection, nats };
}

const wordsOf = ({ run: _, ...broker }: Connection) =>
  Object.entries(broker).map(([name, value]) => `--${name}=${value}`);

/** Characters of a directive that Slurm takes as they stand. */
function checkedDirective(option: string): string {
  if (/^--[a-z][a-z-]*(=[\w.,:@%+/[\]-]+)?$/.test(option)) return option;
  throw new UsageError(
    `--sbatch must be an option of sbatch without blanks and quotes, such as --sbatch=--partition=long, not ${printed(option)}`,
  );
}

/** Sends the script, and gives back what sbatch says of it. @throws FlotillaError `io` */
function send(script: string): string {
  const { status, error, stdout, stderr } = spawnSync('sbatch', ['--', script], { encoding: 'utf8' });
  if (status === 0) return stdout;
  const reason = error?.message ?? stderr.trim().replace(/\s*\n\s*/g, '; ');
  throw new FlotillaError('io', `sbatch does not take ${printed(script)}: ${reason}`);
}
