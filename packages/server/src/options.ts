import { methods, problems, UsageError } from '@flotilla/core';
import { z } from 'zod';

const count = (low: number, high: number) => z.int().min(low).max(high);
const positive = z.number().positive();

/** Options of {@link train}, under the names that the command line has them, and what holds when one is left out. */
export const optionsSchema = z.strictObject({
  method: z
    .string()
    .default('m3')
    .describe(`method spec, such as m3:p=0.005,beta=0.136: ${Object.keys(methods).join(', ')}`),
  problem: z
    .string()
    .default('autoencoder')
    .describe(`problem spec: ${Object.keys(problems).join(', ')}; e.g. heterogeneous-quadratic:la2=1,lb2=1000`),
  data: z
    .string()
    .optional()
    .describe(
      'mnist (default), a name of the catalogue (mushrooms, a9a, …: docs/data.md), or the path of a LIBSVM or IDX file or of a JSON instance',
    ),
  split: z.string().optional().describe('contiguous, shuffled, label or dirichlet:alpha=0.3; default per data set'),
  workers: count(1, 10_000).default(20).describe('n, logical workers'),
  threads: z
    .union([count(1, 1024), z.literal('auto')])
    .optional()
    .describe('worker threads, or auto: one per core; default one per worker up to 32, else auto'),
  uplink: z.string().optional().describe('compressor spec, worker to server; default per method'),
  downlink: z.string().optional().describe('compressor spec, server to worker; default per method'),
  rounds: count(1, 1e9).optional().describe('stop after this many rounds; default 500 when no other rule is given'),
  target: positive.optional().describe('stop when ‖∇f(x)‖² is at most this'),
  targetRelative: positive.optional().describe('stop when ‖∇f(x)‖² is at most this times its value at x⁰'),
  targetLoss: z.number().optional().describe('stop when f(x) is at most this'),
  timeLimit: positive.optional().describe('stop after this many seconds of rounds'),
  maxBytes: positive.optional().describe('stop when this many frame bytes have been sent, both directions'),
  stepSize: z
    .union([positive, z.string()])
    .optional()
    .describe('a number, theory, or theory*FACTOR; default per problem'),
  init: z.string().optional().describe('x⁰: reference, zeros or normal:SCALE; default per problem'),
  seed: z.string().default('0').describe('any text'),
  wire: z.enum(['f32', 'f64']).default('f32').describe('width of a dense coordinate on the wire'),
  dense: z
    .enum(['plain', 'packed'])
    .default('plain')
    .describe('how dense vectors are coded: plain, or packed, without loss and about a sixth shorter on f32'),
  coins: z
    .enum(['independent', 'even'])
    .default('independent')
    .describe('how rounds with a dense message are drawn: independently, as in the papers, or one in 1/p'),
  transport: z.enum(['threads', 'loopback']).default('threads').describe('how frames travel'),
  link: z
    .string()
    .optional()
    .describe("each worker's link, really paced: up=10mbit,down=50mbit,latency=20ms; default: as fast as memory"),
  linkModel: z
    .string()
    .optional()
    .describe('the same in virtual time, beside the clock: up=1mbit,down=1mbit,compute=5ms; no waiting'),
  evalEvery: count(1, 1e9).default(10).describe('rounds between exact evaluations of f and ∇f'),
  workerTimeout: positive.default(600).describe('seconds a worker may take for one answer before it counts as lost'),
  plugins: z
    .array(z.string().min(1))
    .max(100)
    .default([])
    .describe('path of a module with further compressors, methods or problems; may be given again'),
  out: z.string().optional().describe('run folder'),
});

/** Options with every default filled in that does not depend on the method, problem or data. */
export type Options = z.output<typeof optionsSchema>;

/**
 * Checks options on their face and fills in defaults. For options from strangers leave out `out`, which names a
 * folder, and `plugins`, which name code that is run.
 * @throws UsageError that names the option, its value and what is allowed.
 */
export function parseOptions(input: unknown): Options {
  if (typeof input !== 'object' || input === null)
    throw new UsageError(`options must be an object, not ${String(input)}`);
  const parsed = optionsSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (issue === undefined) throw new UsageError('options cannot be read');
  if (issue.code === 'unrecognized_keys') {
    throw new UsageError(
      `unknown option ${issue.keys.join(', ')}; known: ${Object.keys(optionsSchema.shape).join(', ')}`,
    );
  }
  const name = String(issue.path[0] ?? 'options');
  const given = (input as Record<string, unknown>)[name];
  const shape = optionsSchema.shape as Record<string, z.ZodType | undefined>;
  throw new UsageError(
    `${name} cannot be ${JSON.stringify(given)}: ${allowed(issue)} (${shape[name]?.description ?? ''})`,
  );
}

/** What an issue asks for, the alternatives of a union joined. */
function allowed(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'invalid_union') return issue.message;
  return issue.errors.flatMap((branch) => branch.slice(0, 1).map(allowed)).join(' or ');
}
