import { type DataInput, methods, problems, UsageError } from '@flotilla/core';
import { shareArrays } from '@flotilla/core/internal';
import * as v from 'valibot';
import { type ProblemModule, problemText } from './problem-text.js';

// Messages complete the sentence «workers cannot be 0: …».
const kindOf = (value: unknown) => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : typeof value;
};
const expected = (what: string) => (issue: { readonly input: unknown }) =>
  `Invalid input: expected ${what}, received ${kindOf(issue.input)}`;
const text = () => v.string(expected('string'));
const real = () => v.pipe(v.number(expected('number')), v.finite(expected('number')));
const positive = () => v.pipe(real(), v.gtValue(0, 'Too small: expected number to be >0'));
/** A whole number between two bounds. */
const count = (low: number, high: number) =>
  v.pipe(
    real(),
    v.integer(expected('int')),
    v.minValue(low, `Too small: expected number to be >=${low}`),
    v.maxValue(high, `Too big: expected number to be <=${high}`),
  );
const choice = <const T extends readonly string[]>(...names: T) =>
  v.picklist(names, `Invalid option: expected one of ${names.map((name) => `"${name}"`).join('|')}`);
const described = <T extends v.GenericSchema>(schema: T, description: string) =>
  v.pipe(schema, v.description(description));

/** A plain object, and nothing that only looks like one: what is checked in it is the business of whoever takes it. */
const isRecord = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);

/** A problem by name, or the module that it is. Afterwards a text. */
const problem = () =>
  v.pipe(
    v.custom<string | URL | ProblemModule>((value) => {
      if (typeof value === 'string' || value instanceof URL) return true;
      if (!isRecord(value)) return false;
      const { module, parameters = {}, ...rest } = value as Partial<ProblemModule>;
      const names = typeof module === 'string' || module instanceof URL;
      return names && isRecord(parameters) && Object.keys(rest).length === 0;
    }, expected('string, URL or { module, parameters }')),
    v.transform(problemText),
  );

/** Data by name or path, or in memory. Afterwards its arrays lie in shared memory. */
const data = () =>
  v.pipe(
    v.custom<DataInput>((value) => typeof value === 'string' || isRecord(value), expected('string or object')),
    v.transform((input) => (typeof input === 'string' ? input : shareArrays(input, 'data'))),
  );

/** What `transport` may be; hosts/registry.ts has one for each. */
const TRANSPORTS = ['threads', 'loopback'] as const;
export type TransportName = (typeof TRANSPORTS)[number];

/** Options of {@link train}, under the names that the command line has them, and what holds when one is left out. */
export const optionsSchema = v.strictObject({
  method: v.optional(
    described(text(), `method spec, such as m3:p=0.005,beta=0.136: ${Object.keys(methods).join(', ')}`),
    'm3',
  ),
  problem: v.optional(
    described(
      problem(),
      `problem spec: ${Object.keys(problems).join(', ')}; e.g. heterogeneous-quadratic:la2=1,lb2=1000; or the path of a module, ./my-problem.js:key=value`,
    ),
    'autoencoder',
  ),
  data: v.optional(
    described(
      data(),
      'mnist (default), a name of the catalogue (mushrooms, a9a, …: docs/data.md), or the path of a LIBSVM, CSV, NumPy or IDX file or of a JSON instance',
    ),
  ),
  indexBase: v.optional(
    described(
      v.union([count(0, 1), v.literal('auto', 'Invalid input: expected "auto"')]),
      'of a LIBSVM file: the index of the first feature, 0, 1 (default) or auto: 0 when index 0 occurs',
    ),
  ),
  labelColumn: v.optional(
    described(
      text(),
      'of a CSV or NumPy file: the column of labels, by name or number (from 1; -1 is the last), or none; default: docs/data.md',
    ),
  ),
  header: v.optional(
    described(
      choice('auto', 'true', 'false'),
      'of a CSV file: whether the first row is names; auto (default): when there is anything in it that is no number',
    ),
  ),
  split: v.optional(described(text(), 'contiguous, shuffled, label or dirichlet:alpha=0.3; default per data set')),
  workers: v.optional(described(count(1, 10_000), 'n, logical workers'), 20),
  threads: v.optional(
    described(
      v.union([count(1, 1024), v.literal('auto', 'Invalid input: expected "auto"')]),
      'worker threads, or auto: one per core; default one per worker up to 32, else auto',
    ),
  ),
  uplink: v.optional(described(text(), 'compressor spec, worker to server; default per method')),
  downlink: v.optional(described(text(), 'compressor spec, server to worker; default per method')),
  rounds: v.optional(described(count(1, 1e9), 'stop after this many rounds; default 500 when no other rule is given')),
  target: v.optional(described(positive(), 'stop when ‖∇f(x)‖² is at most this')),
  targetRelative: v.optional(described(positive(), 'stop when ‖∇f(x)‖² is at most this times its value at x⁰')),
  targetLoss: v.optional(described(real(), 'stop when f(x) is at most this')),
  timeLimit: v.optional(described(positive(), 'stop after this many seconds of rounds')),
  maxBytes: v.optional(described(positive(), 'stop when this many frame bytes have been sent, both directions')),
  stepSize: v.optional(
    described(v.union([positive(), text()]), 'a number, theory, or theory*FACTOR; default per problem'),
  ),
  init: v.optional(described(text(), 'x⁰: reference, zeros or normal:SCALE; default per problem')),
  seed: v.optional(described(text(), 'any text'), '0'),
  wire: v.optional(described(choice('f32', 'f64'), 'width of a dense coordinate on the wire'), 'f32'),
  dense: v.optional(
    described(
      choice('plain', 'packed'),
      'how dense vectors are coded: plain, or packed, without loss and about a sixth shorter on f32',
    ),
    'plain',
  ),
  coins: v.optional(
    described(
      choice('independent', 'even'),
      'how rounds with a dense message are drawn: independently, as in the papers, or one in 1/p',
    ),
    'independent',
  ),
  transport: v.optional(described(choice(...TRANSPORTS), 'how frames travel'), 'threads'),
  link: v.optional(
    described(
      text(),
      "each worker's link, really paced: up=10mbit,down=50mbit,latency=20ms; default: as fast as memory",
    ),
  ),
  linkModel: v.optional(
    described(text(), 'the same in virtual time, beside the clock: up=1mbit,down=1mbit,compute=5ms; no waiting'),
  ),
  evalEvery: v.optional(described(count(1, 1e9), 'rounds between exact evaluations of f and ∇f'), 10),
  workerTimeout: v.optional(
    described(positive(), 'seconds a worker may take for one answer before it counts as lost'),
    600,
  ),
  plugins: v.optional(
    described(
      v.pipe(
        v.array(v.pipe(text(), v.minLength(1, 'Too small: expected string to have >=1 characters')), expected('array')),
        v.maxLength(100, 'Too big: expected array to have <=100 items'),
      ),
      'path of a module with further compressors, methods or problems; may be given again',
    ),
    () => [],
  ),
  out: v.optional(described(text(), 'run folder')),
});

/** What {@link train} takes: every option may be left out. */
export type OptionsInput = v.InferInput<typeof optionsSchema>;

/**
 * Options with every default filled in that does not depend on the method, problem or data.
 * @interface
 */
export type Options = v.InferOutput<typeof optionsSchema>;

/** Numbers that an option takes. */
export interface NumberRange {
  /** Whole numbers only. */
  readonly integer: boolean;
  /** −∞ when there is no lower bound. */
  readonly minimum: number;
  /** The minimum itself is refused. */
  readonly exclusiveMinimum: boolean;
  /** ∞ when there is no upper bound. */
  readonly maximum: number;
}

/** An option as a command line or a form needs it. */
export interface OptionDescription {
  readonly name: keyof Options;
  readonly description: string;
  /** What holds when it is left out, where that does not depend on the method, problem or data. */
  readonly preset: string | number | undefined;
  /** `number or word` is a number where the text is one. */
  readonly kind: 'number' | 'number or word' | 'text' | 'list';
  /** The words that it takes, where not every text will do on its face. */
  readonly choices: readonly string[];
  /** The numbers that it takes; undefined unless `kind` has numbers. */
  readonly range: NumberRange | undefined;
}

/** Every option, in the order of the schema. */
export function describeOptions(): OptionDescription[] {
  return Object.entries(optionsSchema.entries).map(([name, { wrapped, default: preset }]) => ({
    name: name as keyof Options,
    description: v.getDescription(wrapped) ?? '',
    preset: typeof preset === 'string' || typeof preset === 'number' ? preset : undefined,
    ...describeValue(wrapped.pipe[0]),
  }));
}

/** What stands below an option's description in the schema. */
type ValueSchema = (typeof optionsSchema.entries)[keyof Options]['wrapped']['pipe'][0];

/** What values an option has, as its schema checks them. */
function describeValue(schema: ValueSchema): Pick<OptionDescription, 'kind' | 'choices' | 'range'> {
  switch (schema.type) {
    case 'number':
      return { kind: 'number', choices: [], range: rangeOf(schema) };
    case 'picklist':
      return { kind: 'text', choices: schema.options, range: undefined };
    case 'array':
      return { kind: 'list', choices: [], range: undefined };
    case 'union': {
      const [number, other] = schema.options;
      // of a number or any text, the text is looked at later
      if (other.type === 'string') return { kind: 'text', choices: [], range: undefined };
      return { kind: 'number or word', choices: [other.literal], range: rangeOf(number) };
    }
    default:
      return { kind: 'text', choices: [], range: undefined };
  }
}

type NumberSchema = ReturnType<typeof real> | ReturnType<typeof positive> | ReturnType<typeof count>;

/** The bounds that a schema of numbers checks. */
function rangeOf({ pipe }: NumberSchema): NumberRange {
  const range = { integer: false, minimum: -Infinity, exclusiveMinimum: false, maximum: Infinity };
  for (const check of pipe) {
    if (check.type === 'integer') range.integer = true;
    else if (check.type === 'max_value') range.maximum = check.requirement;
    else if (check.type === 'min_value' || check.type === 'gt_value') {
      range.minimum = check.requirement;
      range.exclusiveMinimum = check.type === 'gt_value';
    }
  }
  return range;
}

/**
 * Checks options on their face and fills in defaults. Nothing here is for strangers: `plugins` and `problem` may name code that
 * is run, `data` a file that is read, `out` a folder that is written. Whoever takes wishes from others maps names of his own to
 * options: README.md of this package.
 * @throws UsageError that names the option, its value and what is allowed.
 */
export function parseOptions(input: unknown): Options {
  if (typeof input !== 'object' || input === null)
    throw new UsageError(`options must be an object, not ${String(input)}`);
  const known = Object.keys(optionsSchema.entries);
  const unknown = Object.keys(input).filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new UsageError(`unknown option ${unknown.join(', ')}; known: ${known.join(', ')}`);
  }
  const parsed = v.safeParse(optionsSchema, input, { abortPipeEarly: true });
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const name = v.getDotPath(issue)?.split('.')[0] ?? 'options';
  const given = (input as Record<string, unknown>)[name];
  const description = describeOptions().find((option) => option.name === name)?.description ?? '';
  throw new UsageError(`${name} cannot be ${printed(given)}: ${allowed(issue)} (${description})`);
}

/** A value as JSON, or as it calls itself when JSON has no words for it. */
function printed(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

/** What an issue asks for, the alternatives of a union joined. */
function allowed(issue: v.BaseIssue<unknown>): string {
  if (issue.type !== 'union' || issue.issues === undefined) return issue.message;
  const byAlternative = issue.issues.filter((one) => one.path === undefined || one.path.length === issue.path?.length);
  return [...new Set(byAlternative.map((one) => one.message))].join(' or ');
}
