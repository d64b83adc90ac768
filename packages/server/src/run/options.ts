// Long: one schema, of every option there is, and what is made of it.
import { type DataInput, methods, problems, UsageError, type Vector } from '@flotilla/core';
import { didYouMean, optionError, printed, printedWord, shareArrays } from '@flotilla/core/internal';
import * as v from 'valibot';
import { CHECKPOINTS_ALLOWED, parseCheckpointEvery } from '../checkpoint/schedule.js';
import { OUTPUTS } from './output.js';
import { type ProblemModule, problemText } from './problem-text.js';
import { STEP_SIZES } from './step-size.js';

/** Characters that a text may have: the job with its texts travels in one control message. */
const MAX_TEXT = 10_000;
/** Those of links, which stay with the server and may be listed for each of 10,000 workers. */
const MAX_LINKS = 100_000;
const MAX_LIST = 100;

// what a refusal says is worked out from the schema, by `allowed` and `complaint` below
const text = () => v.pipe(v.string(), v.minLength(1));
const withoutHome = (path: string) => !/^~(?:\/|$)/.test(path);
const withoutNul = (path: string) => !path.includes('\0');
/** The path of a file or folder; something else may be allowed beside it. */
const path = () => v.pipe(v.string(), v.minLength(1), v.check(withoutHome), v.check(withoutNul));
const real = () => v.pipe(v.number(), v.finite());
const positive = () => v.pipe(real(), v.gtValue(0));
const notNegative = () => v.pipe(real(), v.minValue(0));
/** A whole number between two bounds. */
const count = (low: number, high: number) => v.pipe(real(), v.integer(), v.minValue(low), v.maxValue(high));
/** Yes or no: on the command line without a value, `--name` or `--no-name`. */
const flag = () => v.boolean();
const choice = <const T extends readonly string[]>(...names: T) => v.picklist(names);
const described = <T extends v.GenericSchema>(schema: T, description: string) =>
  v.pipe(schema, v.description(description));

/** A plain object, and nothing that only looks like one: what is checked in it is the business of whoever takes it. */
const isRecord = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);

const isProblemModule = (value: unknown): boolean => {
  if (value instanceof URL) return true;
  if (!isRecord(value)) return false;
  const { module, parameters = {}, ...rest } = value as Partial<ProblemModule>;
  const names = typeof module === 'string' || module instanceof URL;
  return names && isRecord(parameters) && Object.keys(rest).length === 0;
};

/** A problem by name, or the module that it is. Afterwards a text. */
const problem = () =>
  v.union(
    [
      text(),
      v.pipe(
        v.custom<URL | ProblemModule>(isProblemModule),
        v.transform((module: URL | ProblemModule) => problemText(module)),
      ),
    ],
    'a string, a URL or { module, parameters }',
  );

/** Data by name or path, or in memory. Afterwards its arrays lie in shared memory. */
const data = (name: string) =>
  v.union(
    [
      path(),
      v.pipe(
        v.custom<Exclude<DataInput, string>>(isRecord),
        v.transform((input) => shareArrays(input, name)),
      ),
    ],
    'a string or an object',
  );

/** A starting point by name or path, or its numbers. Afterwards nobody else's. */
const init = () =>
  v.union(
    [
      path(),
      v.pipe(
        v.custom<Vector>((x) => x instanceof Float64Array || x instanceof Float32Array),
        v.transform((x: Vector) => new Float64Array(x)),
      ),
    ],
    'a Float64Array or Float32Array, or reference, zeros, normal:SCALE or the path of a .safetensors or .npy file',
  );

const isCheckpointEvery = (value: string): boolean => {
  try {
    parseCheckpointEvery(value);
    return true;
  } catch {
    return false;
  }
};

/** What `transport` may be; hosts/registry.ts has one for each. */
const TRANSPORTS = ['threads', 'loopback', 'nats'] as const;
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
      data('data'),
      'mnist (default), a name of the catalogue (mushrooms, a9a, …: docs/data.md), or the path of a LIBSVM, CSV, NumPy or IDX file or of a JSON instance',
    ),
  ),
  indexBase: v.optional(
    described(
      v.union([count(0, 1), v.literal('auto')]),
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
  validation: v.optional(
    described(
      data('validation'),
      'data that is not trained on, evaluated beside it: a name or a path as for data, or test for the test part of a named set',
    ),
  ),
  split: v.optional(described(text(), 'contiguous, shuffled, label or dirichlet:alpha=0.3; default per data set')),
  workers: v.optional(described(count(1, 10_000), 'n, logical workers'), 20),
  threads: v.optional(
    described(
      v.union([count(1, 1024), v.literal('auto')]),
      'worker threads, or auto: as is fastest on the cores there are; default one per worker up to 32, else auto',
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
    described(
      v.union([positive(), text()], STEP_SIZES),
      'a number, theory, measured, or one of the two times a factor, such as theory*4; default per problem',
    ),
  ),
  init: v.optional(
    described(init(), 'x⁰: reference, zeros, normal:SCALE, or a .safetensors or .npy file; default per problem'),
  ),
  seed: v.optional(described(text(), 'what everything random is drawn from: any text'), '0'),
  wire: v.optional(described(choice('f32', 'f64'), 'width of a dense coordinate on the wire'), 'f32'),
  precision: v.optional(
    described(choice('f32', 'f64'), 'what state is kept in, of server and workers: f32 takes half the memory'),
    'f64',
  ),
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
  batch: v.optional(
    described(
      count(1, 1e9),
      'B, samples of a stochastic gradient, drawn anew in each round; default all: exact gradients',
    ),
  ),
  batchDense: v.optional(
    described(
      count(1, 1e9),
      'with batch: samples of a gradient in a dense round, where the method has any; default all',
    ),
  ),
  transport: v.optional(described(choice(...TRANSPORTS), 'how frames travel'), 'threads'),
  nats: v.optional(
    described(
      text(),
      'with transport nats: the broker, nats://HOST:PORT or tls://HOST:PORT; several of a cluster with commas between them',
    ),
  ),
  run: v.optional(
    described(text(), 'with transport nats: what the run is called on the broker; default: a random name'),
  ),
  natsNkey: v.optional(
    described(path(), "with transport nats: a file with the seed of an NKey, which lets the run's server in"),
  ),
  natsToken: v.optional(described(path(), 'with transport nats: a file with a token, in place of an NKey')),
  natsCa: v.optional(
    described(path(), "with transport nats: a file with the certificates that the broker's is signed by"),
  ),
  minWorkers: v.optional(
    described(
      count(1, 10_000),
      'with transport nats: the run begins when hosts have so many of its workers; pp-marina with downlink=participants goes on without the others',
    ),
  ),
  sendData: v.optional(
    described(
      flag(),
      'with transport nats: the file of --data is sent once to each host that names none; at most 256 MiB',
    ),
  ),
  checksum: v.optional(
    described(
      choice('auto', 'on', 'off'),
      'four bytes a frame that tell a damaged frame, or one of another run; auto: off where frames stay in memory',
    ),
    'auto',
  ),
  link: v.optional(
    described(
      text(),
      "each worker's link, really paced: up=10mbit,down=50mbit,latency=20ms; default: as fast as memory",
    ),
  ),
  linkModel: v.optional(
    described(text(), 'the same in virtual time, beside the clock: up=1mbit,down=1mbit,compute=5ms; no waiting'),
  ),
  checkpointEvery: v.optional(
    described(
      v.union([count(1, 1e9), v.pipe(v.string(), v.check(isCheckpointEvery))], CHECKPOINTS_ALLOWED),
      'rounds, or seconds as 60s, between checkpoints in the run folder, which also a run that is interrupted leaves; or never',
    ),
    '60s',
  ),
  evalEvery: v.optional(described(count(1, 1e9), 'rounds between exact evaluations of f and ∇f'), 10),
  output: v.optional(
    described(
      choice(...OUTPUTS),
      'the iterate that is given back as the model: the last, one drawn uniformly, or the best of those evaluated',
    ),
    'last',
  ),
  maxRestarts: v.optional(
    described(count(0, 1e6), 'how often the workers are started again when some are lost, before the run fails'),
    3,
  ),
  grace: v.optional(
    described(
      positive(),
      'seconds that a round under way has to end when the run is told to; then its threads are terminated',
    ),
    5,
  ),
  roundTimeout: v.optional(
    described(positive(), 'seconds that the server waits for one answer of a worker, in a round or while it is set up'),
    600,
  ),
  onStraggler: v.optional(
    described(
      choice('wait', 'restart', 'fail'),
      'when a worker has had that long: go on waiting, start the workers again as when one is lost, or fail',
    ),
    'restart',
  ),
  divergedFactor: v.optional(
    described(
      notNegative(),
      'the run has diverged when ‖∇f(x)‖² is more than this times its value at x⁰, or 1 if that is less; 0: however much',
    ),
    1e12,
  ),
  plugins: v.optional(
    described(
      v.pipe(v.array(path()), v.maxLength(MAX_LIST)),
      'path of a module with further compressors, methods or problems; may be given again',
    ),
    () => [],
  ),
  out: v.optional(described(path(), 'run folder; default runs/<time>-<method>-<problem>')),
});

/** Other names that options may be given by. */
export const OTHER_NAMES: Partial<Readonly<Record<keyof Options, string>>> = { roundTimeout: 'workerTimeout' };

/** What {@link train} takes: every option may be left out. */
export type OptionsInput = v.InferInput<typeof optionsSchema> & {
  /** `roundTimeout`, by its other name. */
  workerTimeout?: number | undefined;
};

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
  /** `number or word` is a number where the text is one; a `flag` is given without a value. */
  readonly kind: 'number' | 'number or word' | 'text' | 'list' | 'flag';
  /** Whether texts, or those of the list, may be paths. */
  readonly path: boolean;
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

/** What may stand below an option's description in the schema. */
type ValueSchema = (typeof optionsSchema.entries)[keyof Options]['wrapped']['pipe'][0] | ReturnType<typeof flag>;

/** What values an option has, as its schema checks them. */
function describeValue(schema: ValueSchema): Pick<OptionDescription, 'kind' | 'path' | 'choices' | 'range'> {
  const nothing = { path: false, choices: [], range: undefined };
  switch (schema.type) {
    case 'number':
      return { ...nothing, kind: 'number', range: rangeOf(schema) };
    case 'boolean':
      return { ...nothing, kind: 'flag' };
    case 'picklist':
      return { ...nothing, kind: 'text', choices: schema.options };
    case 'array':
      return { ...nothing, kind: 'list', path: isPath(schema.item) };
    case 'union': {
      const [first, other] = schema.options;
      // what is in memory is the library's alone
      if (first.type === 'string') return { ...nothing, kind: 'text', path: isPath(first) };
      if (other.type === 'literal') {
        return { ...nothing, kind: 'number or word', choices: [other.literal], range: rangeOf(first) };
      }
      // of a number or any text, the text is looked at later
      return { ...nothing, kind: 'text' };
    }
    default:
      return { ...nothing, kind: 'text', path: isPath(schema) };
  }
}

function isPath({ pipe }: ReturnType<typeof text> | ReturnType<typeof path>): boolean {
  return pipe.some((part) => part.type === 'check' && part.requirement === withoutHome);
}

type NumberSchema = ReturnType<typeof real | typeof positive | typeof notNegative | typeof count>;

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
    throw new UsageError(`options must be an object, not ${printed(input)}`);
  const known = Object.keys(optionsSchema.entries);
  for (const name of Object.keys(input)) {
    if (known.includes(name) || Object.values(OTHER_NAMES).includes(name)) continue;
    const meant = didYouMean(name, known);
    throw new UsageError(`unknown option ${printedWord(name)}${meant === '' ? `; known: ${known.join(', ')}` : meant}`);
  }
  const options: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(optionsSchema.entries)) {
    const called = calledIn(input, name as keyof Options);
    const value: unknown = (input as Record<string, unknown>)[called];
    const parsed = checked(called, schema, value);
    if (parsed?.success !== true) {
      throw optionError(called, complaint(schema.wrapped.pipe[0], value, parsed?.issues[0]));
    }
    if (parsed.output !== undefined) options[name] = parsed.output;
  }
  return options as Options;
}

/** The name by which `input` gives an option. @throws UsageError when it gives it by two */
function calledIn(input: object, name: keyof Options): string {
  const given = (one: string) => (input as Record<string, unknown>)[one] !== undefined;
  const other = OTHER_NAMES[name];
  if (other === undefined || !given(other)) return name;
  if (given(name)) throw optionError(other, 'is given by its other name as well: leave one of them out');
  return other;
}

/** Options of which those of `over` win, whatever the names that both have for them; what is only in `under` has its first name. */
export function mergeOptions(
  under: Readonly<Record<string, unknown>>,
  over: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged = { ...under };
  for (const [name, other] of Object.entries(OTHER_NAMES)) {
    if (merged[other] !== undefined) merged[name] = merged[other];
    delete merged[other];
    if (over[other] !== undefined) delete merged[name];
  }
  return { ...merged, ...over };
}

/** Refuses texts that a run cannot send to its workers. @throws UsageError */
export function checkLengths(options: Options): void {
  for (const [name, value] of Object.entries(options)) {
    const limit = name === 'link' || name === 'linkModel' ? MAX_LINKS : MAX_TEXT;
    for (const text of Array.isArray(value) ? value : [value]) {
      if (typeof text !== 'string' || text.length <= limit) continue;
      throw optionError(name, `must have at most ${limit} characters, not ${text.length}`);
    }
  }
}

type EntrySchema = (typeof optionsSchema.entries)[keyof Options];

/** What the schema says of a value; undefined when the value cannot even be looked at, as a revoked proxy. */
function checked(name: string, schema: EntrySchema, value: unknown): v.SafeParseResult<EntrySchema> | undefined {
  // valibot would write out its digits, however many
  if (typeof value === 'bigint') return undefined;
  try {
    return v.safeParse(schema, value, { abortPipeEarly: true });
  } catch (thrown) {
    // what makes a module's text, or shares data, has said what is wrong
    if (thrown instanceof UsageError) throw new UsageError(thrown.message, { option: name, cause: thrown });
    return undefined;
  }
}

/** What is wrong with a value, in words that follow the option's name. */
function complaint(schema: ValueSchema, value: unknown, issue: v.BaseIssue<unknown> | undefined): string {
  if (typeof value === 'string') {
    if (value === '') return 'must not be empty';
    if (issue?.requirement === withoutHome) return `${printed(value)} begins with ~, which is not expanded here`;
    if (issue?.requirement === withoutNul) return `${printed(value)} has a NUL character, which no path can have`;
  }
  return `must be ${allowed(schema)}, not ${printed(value)}`;
}

/** What values an option takes, in words. */
function allowed(schema: ValueSchema): string {
  if (schema.type === 'union' && schema.message !== undefined) return schema.message;
  const { kind, choices, range, path } = describeValue(schema);
  if (kind === 'list') return `a list of at most ${MAX_LIST} ${path ? 'paths' : 'texts'}, none empty`;
  if (kind === 'flag') return 'true or false';
  if (range === undefined && choices.length === 0) return 'a string';
  return listed([...(range === undefined ? [] : [numbers(range)]), ...choices]);
}

/** `a, b or c` */
const listed = (words: readonly string[]) => words.join(', ').replace(/, (?=[^,]*$)/, ' or ');

function numbers({ integer, minimum, exclusiveMinimum, maximum }: NumberRange): string {
  const number = integer ? 'a whole number' : 'a number';
  if (Number.isFinite(maximum)) return `${number} from ${minimum} to ${maximum}`;
  return Number.isFinite(minimum) ? `${number} ${exclusiveMinimum ? '>' : '≥'} ${minimum}` : number;
}
