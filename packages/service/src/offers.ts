import { UsageError } from '@flotilla/core';
import { printed } from '@flotilla/core/internal';
import type { TrainOptions } from '@flotilla/server';
import { RUN_LIMITS, type RunLimits, withDefaults } from './limits.js';

/** Names with what the host has written beside them, or names that are their own meaning. */
export type Offer<T> = readonly string[] | Readonly<Record<string, T>>;

/** All that a request may choose from. A path or a module is reached by a name that the host has given it, or not at all. */
export interface Allow {
  readonly methods: Offer<string>;
  readonly problems: Offer<NonNullable<TrainOptions['problem']>>;
  /** None when left out: each run has its problem's own. */
  readonly data?: Offer<NonNullable<TrainOptions['data']>>;
  /** None when left out: each run has its method's own. */
  readonly uplinks?: Offer<string>;
  readonly downlinks?: Offer<string>;
  /** Largest numbers. */
  readonly limits?: Partial<RunLimits>;
}

/** The option of `train()` that each kind of offer gives. */
const OPTION_OF = {
  methods: 'method',
  problems: 'problem',
  data: 'data',
  uplinks: 'uplink',
  downlinks: 'downlink',
} as const;
type Kind = keyof typeof OPTION_OF;
const KINDS = Object.keys(OPTION_OF) as Kind[];

const PRESETS = { rounds: 500, workers: 20 } as const;

/** A body of POST /runs, with what it left out: names of offers, and numbers. */
export type RunRequest = Readonly<
  Partial<Record<(typeof OPTION_OF)[Kind], string>> &
    Partial<Record<keyof RunLimits, number>> & { method: string; problem: string; workers: number; seed: string }
>;

/** What a host offers, and what options of `train()` a request comes to. */
export class Offers {
  readonly limits: RunLimits;
  readonly #offers: Readonly<Record<Kind, ReadonlyMap<string, unknown>>>;

  /** @throws UsageError */
  constructor(allow: Allow) {
    if (typeof allow !== 'object' || allow === null) {
      throw new UsageError(`allow must be an object with methods and problems, not ${printed(allow)}`);
    }
    for (const name of Object.keys(allow)) {
      if (name === 'limits' || KINDS.includes(name as Kind)) continue;
      throw new UsageError(`allow has no ${printed(name)}; known: ${KINDS.join(', ')}, limits`);
    }
    this.limits = withDefaults<RunLimits>('allow.limits', allow.limits, RUN_LIMITS);
    this.#offers = {
      methods: entriesOf('methods', allow.methods),
      problems: entriesOf('problems', allow.problems),
      data: entriesOf('data', allow.data ?? []),
      uplinks: entriesOf('uplinks', allow.uplinks ?? []),
      downlinks: entriesOf('downlinks', allow.downlinks ?? []),
    };
    for (const kind of ['methods', 'problems'] as const) {
      if (this.#offers[kind].size === 0) throw new UsageError(`allow.${kind} must name one at least`);
    }
  }

  /** Names and numbers, as GET /about tells them. */
  describe() {
    const names = KINDS.map((kind) => [kind, [...this.#offers[kind].keys()]]);
    return { ...Object.fromEntries(names), limits: this.limits };
  }

  /** Of the body of POST /runs. */
  schema(): object {
    const properties: Record<string, object> = {};
    for (const kind of KINDS) {
      const names = [...this.#offers[kind].keys()];
      if (names.length > 0) properties[OPTION_OF[kind]] = { type: 'string', enum: names };
    }
    for (const [name, maximum] of Object.entries(this.limits))
      properties[name] = { type: 'integer', minimum: 1, maximum };
    properties.stepSize = { type: 'number', exclusiveMinimum: 0, maximum: this.limits.stepSize };
    properties.seed = { type: 'string', pattern: '^[0-9]{1,9}$' };
    return { type: 'object', additionalProperties: false, properties };
  }

  /** A body that the schema has let pass, with what it left out: the first method and problem, rounds where nothing else ends it. */
  complete(body: Readonly<Record<string, unknown>>): RunRequest {
    const first = (kind: Kind) => this.#offers[kind].keys().next().value;
    const preset = (name: keyof typeof PRESETS) => Math.min(PRESETS[name], this.limits[name]);
    const rounds = body.timeLimit === undefined ? { rounds: preset('rounds') } : {};
    const names = { method: first('methods'), problem: first('problems') };
    return Object.assign(names, { workers: preset('workers'), seed: '0' }, rounds, body) as RunRequest;
  }

  /** @throws UsageError when something is asked for that is no longer offered */
  optionsOf(request: RunRequest): TrainOptions {
    const options: Record<string, unknown> = { ...request };
    for (const kind of KINDS) {
      const option = OPTION_OF[kind];
      const name = request[option];
      if (name === undefined) continue;
      if (!this.#offers[kind].has(name)) throw new UsageError(`the ${option} ${printed(name)} is no longer offered`);
      options[option] = this.#offers[kind].get(name);
    }
    return options as TrainOptions;
  }
}

function entriesOf(kind: Kind, offer: Offer<unknown>): ReadonlyMap<string, unknown> {
  if (typeof offer !== 'object' || offer === null) {
    throw new UsageError(
      `allow.${kind} must be a list of names, or an object of names and values, not ${printed(offer)}`,
    );
  }
  if (!Array.isArray(offer)) return new Map(Object.entries(offer));
  for (const name of offer) {
    if (typeof name !== 'string')
      throw new UsageError(`allow.${kind} must be a list of names, not of ${printed(name)}`);
  }
  return new Map(offer.map((name: string) => [name, name]));
}

/** The options of a run as they may be told: by the names of offers, and nothing that the host has added. */
export function concealed(record: Readonly<Record<string, unknown>>, request: RunRequest): Record<string, unknown> {
  const shown: Record<string, unknown> = { ...record };
  for (const option of ['out', 'plugins', 'init', 'validation', 'resume']) delete shown[option];
  for (const option of Object.values(OPTION_OF)) {
    if (request[option] !== undefined) shown[option] = request[option];
    // what the host or a default has put there may be a path
    else if (typeof shown[option] === 'string' && /[\\/]/.test(shown[option])) shown[option] = null;
  }
  return shown;
}
