import { createCompressor } from '@flotilla/compressors';
import {
  KeyedRandom,
  type LinkTheory,
  type Method,
  type MethodParameters,
  type Problem,
  type Smoothness,
  Spec,
  type Theory,
  UsageError,
} from '@flotilla/core';
import {
  attempt,
  checkData,
  checkInit,
  givenInit,
  loadData,
  lookUp,
  lookUpProblem,
  optionError,
  parseProblem,
  printed,
} from '@flotilla/core/internal';
import { type Job, type LinkModelSpec, type Links, linksOf, parseLink, parseLinkModel } from '@flotilla/protocol';
import { BUILT_IN, loadPlugins, type Registries } from '@flotilla/worker';
import { givenStart, isInitFile } from '../model/starting-point.js';
import { checkBatchMethod, checkBatchSamples, jobBatches } from './batch.js';
import { brokerOf } from './broker.js';
import { checkProblem } from './check-problem.js';
import { checksumRun } from './checksum.js';
import { dataRequest, formatRecord } from './data-request.js';
import { checkDimension } from './memory.js';
import { checkLengths, type Options } from './options.js';
import { checkCovered, parseStepSize, type StepSize } from './step-size.js';
import { checkValidation, loadValidation } from './validation.js';

/** A run, resolved as far as it can be before its workers have built their functions. */
export interface RunPlan {
  readonly job: Job;
  /** What the run's specs may name. */
  readonly registries: Registries;
  readonly method: Method;
  /** The problem as the server has it. */
  readonly problem: Problem;
  /** What the workers get in shared memory or by copy, beside the job: for the problem's `create` alone. */
  readonly problemData: object;
  /** How files are read, as far as the options say. */
  readonly format: Readonly<Record<string, string>>;
  readonly dimension: number;
  /** x⁰ when it was given as numbers, in shared memory. */
  readonly start: Float64Array | undefined;
  /** The same function on the data that are not trained on. */
  readonly validation: Problem | undefined;
  /** What the validation data are called in the run's records. */
  readonly validationSource: string | undefined;
  /** The problem's own constants, where formulas for them exist. */
  readonly smoothness: Smoothness | undefined;
  readonly theory: Theory;
  /** What whoever runs it should know of its method with these compressors. */
  readonly warning: string | undefined;
  /** The method's own parameters. */
  readonly parameters: MethodParameters;
  readonly stepSize: StepSize;
  /** The workers' links, when they are paced. */
  readonly links: Links | undefined;
  /** The run's number in the checksums of its frames; undefined when they have none. */
  readonly checksumRun: number | undefined;
  /** Links whose clocks run beside the round clock. */
  readonly linkModels: readonly LinkModelSpec[];
}

/** What the names in the options stand for; needs no data. @throws UsageError for a name or spec that nothing has. */
export function resolveNames(options: Options, { methods, problems }: Registries = BUILT_IN) {
  brokerOf(options);
  checkPrecision(options);
  const methodSpec = Spec.parse('method', options.method);
  const method = lookUp('method', methods, methodSpec.name);
  const reference = parseProblem(options.problem);
  const { spec: problemSpec } = reference;
  const family = lookUpProblem(problems, reference);
  checkData(family, dataRequest(options));
  checkValidation(family, options);
  const init = options.init ?? family.init;
  const given = typeof init !== 'string' || isInitFile(init);
  if (!given) checkInit(init);
  checkBatchMethod(options, method);
  const stepSize = parseStepSize(options.stepSize ?? family.stepSize(method.name));
  const link = options.link === undefined ? undefined : parseLink(options.link);
  const linkModels = options.linkModel === undefined ? [] : [parseLinkModel(options.linkModel)];
  return { methodSpec, method, problemSpec, family, init, given, stepSize, link, linkModels };
}

/**
 * Checks everything that can be wrong with a run, loads its data, and fills in what depends on method, problem and data.
 * @param note gets what there is to say that is no error, a line each
 * @param runs Whether the run is to be had: then there must be a step size, else there may be none.
 */
export async function planRun(
  options: Options,
  signal?: AbortSignal,
  note?: (message: string) => void,
  runs = true,
): Promise<RunPlan> {
  checkLengths(options);
  const registries = await loadPlugins(options.plugins, options.problem);
  const names = resolveNames(options, registries);
  const { methodSpec, method, problemSpec, family, init, given, stepSize, linkModels } = names;
  const { workers, wire, precision, dense, seed } = options;

  const random = new KeyedRandom(seed);
  const links = names.link && linksOf(names.link, workers, random);
  const input = { ...dataRequest(options), workers, random, signal, note };
  const where = `problem ${problemSpec.name}`;
  const loaded = await attempt(`${where}, load`, () => loadData(family, problemSpec, input));
  // as on the workers' threads, from a spec that nobody has read: `create` must ask for every parameter
  const { spec } = parseProblem(options.problem);
  const problem = attempt(`${where}, create`, () => family.create(spec, { workers, random, ...loaded.shared }));
  const { dimension, smoothness } = problem;
  checkProblem(problemSpec.name, problem);
  const data = loaded.source === undefined ? '' : ` on ${loaded.source}`;
  checkDimension(dimension, workers, `${options.problem}${data}`, { width: precision === 'f32' ? 4 : 8 });
  const start = given ? await givenStart(init, problem, signal) : undefined;
  if (start === undefined) checkInit(init as string, problem);
  const validation = await loadValidation(options, family, problem, { random, signal, note });

  if (method.batches === true && loaded.samples === undefined) {
    throw new UsageError(`method ${method.name} draws batches of samples; problem ${family.name} has none`);
  }
  checkBatchSamples(options, family.name, loaded.samples);
  const uplink = linkCompressor('uplink', method.uplink, options.uplink, method.name);
  const downlink = linkCompressor('downlink', method.downlink, options.downlink, method.name);
  const linkTheory = (link: 'uplink' | 'downlink', spec = 'identity'): LinkTheory => {
    const { constants } = createCompressor(spec, { dimension, workers, wire, precision }, registries.compressors);
    const { omega, A = omega, B = 0 } = constants;
    const known = { ...constants, A, B };
    checkAssumption(method, link, spec, known);
    return known;
  };
  const theory = {
    workers,
    dimension,
    samples: loaded.samples,
    batch: options.batch,
    batchDense: options.batchDense,
    uplink: linkTheory('uplink', uplink),
    downlink: linkTheory('downlink', downlink),
  };
  const parameters = method.parameters(methodSpec, theory);
  methodSpec.rejectUnknown();
  for (const [name, value] of Object.entries(parameters)) {
    if (typeof value !== 'number' || Number.isFinite(value)) continue;
    throw new UsageError(`method ${method.name}: ${name} is ${value} for these compressors; give a number`);
  }
  if (runs && !('value' in stepSize)) checkCovered(method, theory, parameters);
  const isElastic = (options.minWorkers ?? workers) < workers && method.elastic?.(parameters) === true;
  if (runs && isElastic && !('value' in stepSize)) {
    throw optionError(
      'stepSize',
      `must be a number with minWorkers ${options.minWorkers}: of workers that are away no constants are known`,
    );
  }
  const warning = method.warning?.(theory, parameters);
  if (warning !== undefined) note?.(warning);

  const job: Job = {
    method: options.method,
    problem: options.problem,
    data: loaded.source,
    split: loaded.split,
    workers,
    uplink,
    downlink,
    wire,
    ...(precision === 'f64' ? {} : { precision }),
    dense,
    init: start === undefined ? (init as string) : givenInit(start.hash),
    seed,
    ...jobBatches(options, method),
  };
  return {
    job,
    registries,
    method,
    problem,
    problemData: loaded.shared,
    format: formatRecord(options),
    dimension,
    start: start?.x,
    validation: validation?.problem,
    validationSource: validation?.source,
    smoothness,
    theory,
    warning,
    parameters,
    stepSize,
    links,
    linkModels,
    checksumRun: checksumRun(options, job, parameters, stepSize),
  };
}

/** f32 state has no digits that a wire of f64 could carry. @throws UsageError */
function checkPrecision({ precision, wire }: Options): void {
  if (precision === 'f64' || wire === 'f32') return;
  throw optionError('wire', 'f64 would carry the numbers of precision f32 in twice the bytes; leave wire out');
}

/** Refuses a compressor that the method's theory does not cover, whatever the step size. */
function checkAssumption(
  method: Method,
  link: 'uplink' | 'downlink',
  spec: string,
  { omega, alpha }: LinkTheory,
): void {
  if (method.contractive === link || method.contractive === 'both') {
    if (alpha > 0) return;
    throw new UsageError(
      `method ${method.name} needs a contractive compressor on the ${link}, such as top-k or natural; ${spec} is not one`,
    );
  }
  if (omega === Number.POSITIVE_INFINITY) {
    throw new UsageError(`method ${method.name} needs an unbiased compressor on the ${link}; ${spec} is biased`);
  }
}

/** The compressor of one link: the one asked for, or the method's own. */
function linkCompressor(link: string, usual: string | undefined, asked: string | undefined, method: string) {
  if (asked !== undefined && usual === undefined) {
    throw optionError(
      link,
      `${printed(asked)} must be left out: method ${method} sends no compressed messages on the ${link}`,
    );
  }
  return asked ?? usual;
}
