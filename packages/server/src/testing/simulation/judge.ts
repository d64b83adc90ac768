import { isDeepStrictEqual } from 'node:util';
import type { Disk } from '@flotilla/core/internal';
import { readStoredRun } from '../../checkpoint/stored-run.js';
import { hashOf } from '../../model/model.js';
import type { Summary } from '../../run/metrics.js';
import type { RunOutcome, RunTask } from '../../server-messages.js';
import { withData } from './configurations.js';
import type { Life } from './life.js';
import { FOLDER, optionsOf, type Reference, timeless } from './reference.js';
import type { Fault, Schedule } from './schedule.js';
import type { SimulatedWorld } from './simulated-process.js';

type Task = Pick<RunTask, 'options' | 'resume'>;

/** What must not be. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** Holds the lives of a run to what it comes to undisturbed, and says how it is to go on after each. */
export class Judge {
  #folder = FOLDER;
  #folders = 1;
  #lives = 0;
  /** Round of the newest checkpoint that the run has gone on from taking: from then on it must be there. */
  #relied = -1;
  /** That of the lives before. */
  #reliedBefore = -1;
  #rotten = false;
  /** The last round that was begun in this life. */
  #sent = 0;
  #firedBefore = 0;
  #longer = false;

  constructor(
    private readonly schedule: Schedule,
    private readonly reference: Reference,
    private readonly world: SimulatedWorld,
  ) {}

  /** A frame of a round leaves the server: what it was before, it has relied on. */
  readonly onDownlink = (round: number): void => {
    this.#sent = Math.max(this.#sent, round);
    this.#relied = this.world.disk.renamed;
  };

  first(): Task {
    return { options: optionsOf(this.schedule, this.schedule.folder ? this.#folder : undefined) };
  }

  /** A bit of the newest checkpoint turns. */
  rot(bit: number): void {
    const { disk } = this.world;
    const rounds = this.#checkpoints();
    if (rounds.length === 0) return;
    this.#rotten = true;
    disk.rot(`${this.#folder}/checkpoint/round-${Math.max(...rounds)}.ckpt`, bit);
  }

  /**
   * Looks at a life that has ended.
   * @returns what the next one is to do; undefined when the run has come to its end, and all is as it should be
   * @throws Violation
   */
  after(life: Life): Task | undefined {
    const { schedule, world } = this;
    const { outcome } = life;
    const fired = world.faults.fired.slice(this.#firedBefore);
    this.#firedBefore = world.faults.fired.length;
    if (++this.#lives > schedule.faults.length + 4) throw new Violation(`after ${this.#lives} lives there is no end`);
    this.#checkStart(life);
    this.#reliedBefore = this.#relied;
    const sent = this.#sent;
    this.#sent = 0;
    this.#checkRows(life);
    if (outcome === 'killed') return this.#next();
    this.#checkModel(outcome);
    if (life.handles > 0) throw new Violation(`${life.handles} files are still open`);
    if (outcome.ok && outcome.summary.stopReason !== 'aborted') {
      this.#checkRepeated(outcome.summary, fired);
      this.#checkEnd(outcome.summary);
      return this.#makeLonger();
    }
    const interrupted = fired.some((fault) => fault.do === 'interrupt');
    if (outcome.ok || outcome.code === 'aborted') {
      if (!interrupted) throw new Violation('it ended as interrupted, and nobody has');
      return this.#next();
    }
    const excuse = this.#excuse(outcome, life.log, fired, sent);
    if (excuse === undefined || world.faults.isOver) {
      throw new Violation(`it failed without need: ${outcome.code}, ${outcome.message}`);
    }
    // without further faults it goes on
    world.faults.end();
    return this.#next();
  }

  /** How the run goes on. */
  #next(more: object = {}): Task | undefined {
    const { schedule, world } = this;
    const { disk } = world.disk.access(() => undefined);
    if (!schedule.folder) return this.first();
    if (!disk.existsSync(`${this.#folder}/config.json`)) {
      if (this.#relied >= 0) throw new Violation(`config.json is gone, after round ${this.#relied} was stored`);
      // nothing was begun; what is left of it is in the way of a run in the same folder, which says so
      this.#folder = `/runs/${++this.#folders}`;
      world.disk.renamed = -1;
      return this.first();
    }
    const stored = storedRun(this.#folder, schedule, more, disk);
    if (stored.finished === undefined)
      return { options: stored.options, resume: { force: false, config: stored.config } };
    this.#checkEnd(stored.finished);
    return undefined;
  }

  /** Where it went on from. */
  #checkStart({ log }: Life): void {
    const line = log.map((text) => /^the run (?:goes on after|begins again at) round (\d+)$/.exec(text)?.[1]);
    const from = line.find((round) => round !== undefined);
    const none = log.some((text) => text.startsWith('no checkpoint can be used'));
    if (from === undefined && !none) return;
    const round = Number(from ?? -1);
    if (round < this.#reliedBefore && !this.#rotten) {
      throw new Violation(`it went on after round ${round}, although round ${this.#reliedBefore} was stored`);
    }
  }

  /** What readers are told is what the undisturbed run tells. */
  #checkRows({ rows }: Life): void {
    let last = -1;
    for (const row of rows) {
      if (row.round <= last) throw new Violation(`round ${row.round} was told after round ${last}`);
      last = row.round;
      const due = this.reference.rowOf[row.round];
      this.#same(timeless(row), due, `the row of round ${row.round}`);
    }
  }

  #checkModel({ model }: RunOutcome): void {
    if (model === undefined || model.metadata.output !== undefined) return;
    const rounds = Number(model.metadata.rounds);
    this.#same(hashOf(model.x), this.reference.hashes[rounds], `the model after round ${rounds}`);
  }

  #checkRepeated({ repeated }: Summary, fired: readonly Fault[]): void {
    const losses = fired.filter(isLoss);
    const restarts = repeated?.restarts ?? 0;
    if (restarts > restartsFor(fired)) throw new Violation(`${restarts} restarts for ${losses.length} faults`);
    const late = losses.reduce((sum, fault) => sum + ('ms' in fault ? fault.ms : Number.POSITIVE_INFINITY), 0);
    const { roundTimeout = 600 } = this.schedule.options;
    if (restarts > 0 && late < 900 * roundTimeout) {
      throw new Violation(`workers were started again that were no more than ${late} ms late`);
    }
  }

  /** What the run has come to, and what it leaves. */
  #checkEnd(summary: Summary): void {
    const { schedule, reference } = this;
    if (this.#longer) {
      const { rounds } = reference.summary;
      this.#same(summary.rounds, rounds + schedule.longer, 'the rounds of the longer run');
      if (summary.output !== undefined) return;
      this.#same(summary.xHash, reference.hashes[summary.rounds], 'the model of the longer run');
      return;
    }
    this.#same(steady(summary), steady(reference.summary), 'the summary');
    if (!schedule.folder) return;
    const files = this.world.disk.files(this.#folder);
    const rows = (files.get('metrics.jsonl')?.toString('utf8') ?? '').split('\n').filter((line) => line !== '');
    this.#same(
      rows.map((line) => timeless(JSON.parse(line))),
      reference.rows,
      'metrics.jsonl',
    );
    this.#same(files.get('model.safetensors'), reference.model, 'model.safetensors');
    this.#same(JSON.parse(files.get('summary.json')?.toString('utf8') ?? 'null').xHash, summary.xHash, 'summary.json');
  }

  /** Whether it might end before its rounds. */
  get #hasRules(): boolean {
    const { targetRelative, maxBytes } = this.schedule.options;
    return targetRelative !== undefined || maxBytes !== undefined;
  }

  /** A run that has ended is made longer, from the checkpoint that it has left. */
  #makeLonger(): Task | undefined {
    const { schedule, reference } = this;
    const { stopReason, rounds } = reference.summary;
    if (this.#longer || schedule.longer === 0 || !schedule.folder || this.#hasRules || stopReason !== 'rounds')
      return undefined;
    this.#longer = true;
    this.world.faults.end();
    return this.#next({ rounds: rounds + schedule.longer });
  }

  /** Why it may have failed. */
  #excuse(
    { code, message, refusal }: Extract<RunOutcome, { ok: false }>,
    log: readonly string[],
    fired: readonly Fault[],
    sent: number,
  ) {
    const { maxRestarts = 3, onStraggler } = this.schedule.options;
    const losses = restartsFor(fired);
    if ((code === 'io' || code === 'usage') && this.world.faults.fired.some((fault) => fault.do === 'full'))
      return 'the disk was full';
    if (losses > 0 && maxRestarts === 0) return 'no loss is made good';
    if (losses > maxRestarts && message.endsWith('as often as they may')) return 'too many losses';
    if (losses > 1 && log.some((text) => text.includes('failed in the same way twice'))) return 'the same twice';
    if (losses > 0 && onStraggler === 'fail' && code === 'worker-lost') return 'who is late is not waited for';
    // that a NaN is one worker's own shows by another one's answer
    const isUnclear = losses > 1 || String(this.schedule.options.method).startsWith('pp-marina');
    if (isUnclear && code === 'diverged' && fired.some((fault) => fault.do === 'nan'))
      return 'whose it is is not known';
    const hasBegun = log.includes('run starts');
    const isMendable = code === 'worker-lost' || refusal !== undefined;
    if (losses > 0 && (!hasBegun || (!isMendable && sent <= 1))) return 'no round had ended';
    return undefined;
  }

  #checkpoints(): number[] {
    const names = [...this.world.disk.files(`${this.#folder}/checkpoint`).keys()];
    return names.flatMap((name) => /^round-(\d+)\.ckpt$/.exec(name)?.[1] ?? []).map(Number);
  }

  #same(is: unknown, due: unknown, what: string): void {
    if (isDeepStrictEqual(is, due)) return;
    throw new Violation(`${what} is another: ${differenceOf(is, due)}`);
  }
}

/** The run in a folder, to go on. */
function storedRun(out: string, { options }: Schedule, more: object, disk: Disk) {
  const { data } = withData(options);
  try {
    return readStoredRun(out, { ...more, ...(typeof data === 'object' && { data }) }, false, disk);
  } catch (error) {
    throw new Violation(`it cannot go on: ${(error as Error).message}`);
  }
}

/** Faults that may cost the run its workers. */
function isLoss({ at }: Fault): boolean {
  return /^(down|up|host|gradient)/.test(at);
}

/** Restarts that faults may cost. What lingers is missed, and then comes when it is not due. */
function restartsFor(fired: readonly Fault[]): number {
  return fired.filter(isLoss).reduce((sum, fault) => sum + (fault.do === 'linger' ? 2 : 1), 0);
}

/** What of a summary does not depend on times, nor on what happened. */
function steady({
  rounds,
  loss,
  gradNormSq,
  metrics,
  stepSize,
  parameters,
  modelSeconds,
  gradientCalls,
  ...rest
}: Summary) {
  const { uplink, downlink, stopReason, xHash, output, outputRound, wire, checksum } = rest;
  const counted = { uplink, downlink, stopReason, xHash, output, outputRound, wire, checksum };
  return { rounds, loss, gradNormSq, metrics, stepSize, parameters, modelSeconds, gradientCalls, ...counted };
}

/** The first place where two values differ. */
function differenceOf(is: unknown, due: unknown, path = ''): string {
  if (typeof is === 'object' && typeof due === 'object' && is !== null && due !== null && !(is instanceof Uint8Array)) {
    for (const key of new Set([...Object.keys(is), ...Object.keys(due)])) {
      const [a, b] = [(is as Record<string, unknown>)[key], (due as Record<string, unknown>)[key]];
      if (!isDeepStrictEqual(a, b)) return differenceOf(a, b, `${path}.${key}`);
    }
  }
  const shown = (value: unknown) =>
    value instanceof Uint8Array ? `${value.length} bytes` : (JSON.stringify(value) ?? 'nothing');
  return `${path === '' ? '' : `${path.slice(1)} `}${shown(is).slice(0, 200)} for ${shown(due).slice(0, 200)}`;
}
