import type { Metrics, Summary } from '../../run/metrics.js';
import { type Options, parseOptions } from '../../run/options.js';
import { Training } from '../../training.js';
import { withData } from './configurations.js';
import { live } from './life.js';
import { Faults, type Schedule } from './schedule.js';
import { SimulatedWorld } from './simulated-process.js';

/** A row without its time, and without who was late. */
export type Row = Omit<Metrics, 'seconds' | 'late'>;

/** What a run comes to when nothing happens. */
export interface Reference {
  readonly summary: Summary;
  /** Its rows. */
  readonly rows: readonly Row[];
  /** The row that each round would have, also beyond its end. */
  readonly rowOf: readonly Row[];
  /** SHA-256 of the iterate after each round, likewise. */
  readonly hashes: readonly string[];
  readonly model: Buffer;
}

/** Rounds that a reference goes on beyond the run's end. */
const BEYOND = 3;
const CACHED = 200;
const cache = new Map<string, Promise<Reference>>();

export const FOLDER = '/runs/a';

/** The options of a schedule, checked. */
export function optionsOf({ options }: Pick<Schedule, 'options'>, out: string | undefined): Options {
  return parseOptions({ ...withData(options), transport: 'loopback', ...(out !== undefined && { out }) });
}

export const timeless = ({ seconds: _s, late: _l, ...row }: Metrics): Row => row;

/** The reference of a schedule's run, made once for all that differ in how they are disturbed. */
export function referenceOf(schedule: Schedule): Promise<Reference> {
  const { checkpointEvery: _c, maxRestarts: _m, workerTimeout: _w, ...decisive } = schedule.options;
  const key = JSON.stringify(decisive);
  let made = cache.get(key);
  if (made === undefined) {
    made = makeReference({ ...schedule, options: decisive });
    cache.set(key, made);
    const [oldest = ''] = cache.keys();
    if (cache.size > CACHED) cache.delete(oldest);
  }
  return made;
}

async function makeReference(schedule: Pick<Schedule, 'options'>): Promise<Reference> {
  const world = new SimulatedWorld(new Faults([]));
  const { outcome, rows } = await live(
    { options: optionsOf(schedule, FOLDER) },
    { threads: 1, jitter: { ms: 0, seed: 0 } },
    world,
  );
  if (outcome === 'killed' || !outcome.ok) throw new Error(`the undisturbed run fails: ${JSON.stringify(outcome)}`);
  const { summary } = outcome;
  const rowOf: Row[] = [];
  const hashes: string[] = [];
  // the same, round by round, by the plainest way there is: no simulation, no recovery
  const training = await Training.open(optionsOf(schedule, undefined));
  try {
    for (let round = 0; round <= summary.rounds + BEYOND; round++) {
      if (round > 0) await training.round();
      rowOf.push(timeless(await training.evaluate()));
      hashes.push(training.xHash());
    }
  } finally {
    await training.close();
  }
  const model = world.disk.files(FOLDER).get('model.safetensors') as Buffer;
  return { summary, rows: rows.map(timeless), rowOf, hashes, model };
}
