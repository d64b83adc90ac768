import { UsageError } from '@flotilla/core';
import { didYouMean, printed } from '@flotilla/core/internal';

/** A command: what it does with the words that come after its name. */
type Run = (argv: readonly string[]) => Promise<void>;

interface Command {
  /** What it is for, in one line. */
  readonly summary: string;
  /** Loads its code: charts and benches take longer to load than a small run takes to start. */
  readonly load: () => Promise<Run>;
}

/** Every command there is, by name. */
export const commands: Readonly<Record<string, Command>> = {
  start: {
    summary: 'trains and measures every byte',
    load: async () => (await import('./start.js')).start,
  },
  worker: {
    summary: 'hosts workers of a run in another process, over NATS',
    load: async () => (await import('./worker.js')).worker,
  },
  submit: {
    summary: 'writes a batch script for Slurm, or sends it',
    load: async () => (await import('./submit.js')).submit,
  },
  manifest: {
    summary: 'prints what Kubernetes needs to run a training',
    load: async () => (await import('./manifest.js')).manifest,
  },
  evaluate: {
    summary: "f and metrics of a run's model on data",
    load: async () => (await import('./evaluate.js')).evaluate,
  },
  predict: {
    summary: "what a run's model says of each sample",
    load: async () => (await import('./predict.js')).predict,
  },
  bench: {
    summary: 'compares methods, compressors, links and speed',
    load: async () => (await import('./bench.js')).bench,
  },
  report: {
    summary: 'draws one page of one or several run folders',
    load: async () => (await import('./report.js')).report,
  },
  dashboard: {
    summary: 'shows run folders in a browser',
    load: async () => (await import('./dashboard.js')).dashboard,
  },
  sweep: {
    summary: 'trains over a grid of options',
    load: async () => (await import('./sweep.js')).sweep,
  },
  compare: {
    summary: 'sets run folders side by side',
    load: async () => (await import('./compare.js')).compare,
  },
  export: {
    summary: 'writes the evaluated rounds of runs as CSV',
    load: async () => (await import('./export.js')).exportRuns,
  },
  reproduce: {
    summary: 'redraws the figures of MARINA and MARINA-P',
    load: async () => (await import('./reproduce.js')).reproduce,
  },
};

/** The command of that name, loaded. @throws UsageError when there is none */
export async function loadCommand(name: string): Promise<Run> {
  if (Object.hasOwn(commands, name)) return (commands[name] as Command).load();
  const meant = didYouMean(name, Object.keys(commands));
  const known = `: options are written --name value, commands are ${Object.keys(commands).join(' ')}`;
  throw new UsageError(`unexpected ${printed(name)}${meant === '' ? known : meant}`);
}
