import type { State } from '@flotilla/core';
import { refusalOf } from '@flotilla/core/internal';
import { ProtocolError } from '@flotilla/protocol';
import * as v from 'valibot';
import type { ServerSide } from './round/parameter-server.js';
import type { Options } from './run/options.js';
import type { RunPlan } from './run/plan.js';

/** A training between two rounds, less its workers: vectors and numbers, the server's and those of its clocks and criteria. */
export interface OwnState extends ServerSide {
  /** What the training is of: {@link configurationOf}. Another one cannot go on with it. */
  readonly configuration: string;
  /** Whether the workers' initial gradients have been sent, for methods that begin with them. */
  readonly started: boolean;
  readonly stopping: State;
  /** The clocks of modelled links; undefined when there are none. */
  readonly links: State | undefined;
  /** x̂ of the rounds so far; undefined where that is the last iterate. */
  readonly output: State | undefined;
}

/** A training between two rounds. */
export interface TrainingState extends OwnState {
  /** Each worker's half of the method, its rounds and its counters. */
  readonly workers: readonly State[];
}

/** What takes a training's state in, part by part; every part is the training's own, and may be looked at until the call returns. */
export interface StateSink {
  /** First, and once. */
  own(state: OwnState): void;
  /** Each worker's, packed, in worker order. */
  worker(state: Uint8Array): void;
}

/**
 * Everything that decides how a training goes on from a state, as text: method, problem, data, compressors, seed, step size and
 * the rest of the job. Threads, transport and stopping criteria do not, nor does x⁰ any more. What is given back has to be
 * followed from the first round on.
 */
export function configurationOf(plan: RunPlan, stepSize: number, options: Pick<Options, 'coins' | 'output'>): string {
  const { coins, output } = options;
  const { init: _, ...job } = plan.job;
  const rest = { parameters: plan.parameters, stepSize, coins, linkModels: plan.linkModels };
  return JSON.stringify({ job, ...rest, ...(output === 'last' ? {} : { output }) });
}

const number = v.pipe(v.number(), v.finite(), v.minValue(0));
const vector = [v.instance(Float64Array), v.instance(Float32Array), v.instance(Int32Array)] as const;
const state = v.record(v.string(), v.union([v.number(), v.nan(), ...vector]));
const ownSchema = v.strictObject({
  configuration: v.string(),
  started: v.boolean(),
  round: v.pipe(number, v.integer(), v.maxValue(2 ** 31)),
  seconds: number,
  method: state,
  ledger: state,
  attendance: v.optional(v.strictObject({ away: v.instance(Int32Array), changed: v.picklist([0, 1]) })),
  stopping: state,
  links: v.optional(state),
  output: v.optional(state),
});

const schema = v.strictObject({ ...ownSchema.entries, workers: v.array(state) });

/** Refuses what is no state of a training of this configuration. @throws ProtocolError */
export function checkTrainingState(value: unknown, configuration: string): asserts value is TrainingState {
  check(schema, value, configuration);
}

/** The same of a state whose workers' part is elsewhere. */
export function checkOwnState(value: unknown, configuration: string): asserts value is OwnState {
  check(ownSchema, value, configuration);
}

function check(
  schema: v.GenericSchema<unknown, { configuration: string }>,
  value: unknown,
  configuration: string,
): void {
  const parsed = v.safeParse(schema, value);
  if (!parsed.success) throw new ProtocolError(`not the state of a training: ${refusalOf(parsed.issues[0], 'it')}`);
  const { configuration: other } = parsed.output;
  if (other === configuration) return;
  throw new ProtocolError(`the state is of another training: ${other}, this one is ${configuration}`);
}
