import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TrainOptions, train } from '@flotilla/server';
import { Broker } from './nats-broker.js';
import { Command } from './nats-command.js';

/** Who is away counts as not drawn. */
export const METHOD = 'pp-marina:downlink=participants,sampled=3,p=0.1';

export const JOB = [
  '--problem',
  'heterogeneous-quadratic:d=30',
  '--workers',
  '8',
  '--step-size',
  '0.002',
  '--seed',
  'elastic',
];

/** The same job in this process, on no thread but one. */
export const ofOneProcess = (options: TrainOptions) =>
  train({
    problem: JOB[1] as string,
    workers: 8,
    stepSize: 0.002,
    seed: 'elastic',
    transport: 'loopback',
    ...options,
  }).result;

/** Servers and hosts as processes, with a broker and a folder of their own. */
export class ElasticRuns {
  folder = '';
  broker!: Broker;
  readonly #running: Command[] = [];

  async open(): Promise<void> {
    this.folder = mkdtempSync(join(tmpdir(), 'flotilla-elastic-'));
    this.broker = await Broker.start();
  }

  async close(): Promise<void> {
    for (const command of this.#running) await command.kill();
    await this.broker.close();
    rmSync(this.folder, { recursive: true });
  }

  readonly start = (words: readonly string[]) => {
    const command = new Command(this.folder, words);
    this.#running.push(command);
    return command;
  };

  readonly host = (run: string, workers: string) =>
    this.start(['worker', '--nats', this.broker.url, '--run', run, '--workers', workers, '--threads', '1']);

  readonly serve = (run: string, method: string, words: readonly string[]) =>
    this.start([
      ...['start', ...JOB, '--method', method, '--transport', 'nats', '--nats', this.broker.url, '--run', run],
      ...['--out', run, ...words],
    ]);

  readonly summary = (run: string) => JSON.parse(readFileSync(join(this.folder, run, 'summary.json'), 'utf8'));

  readonly rows = (run: string) =>
    readFileSync(join(this.folder, run, 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((row): { round: number; away?: number } => JSON.parse(row));
}
