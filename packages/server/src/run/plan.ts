import { createCompressor } from '@flotilla/compressors';
import {
  type DataRequest,
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
import { attempt, checkData, checkInit, loadData, lookUp, lookUpProblem, parseProblem } from '@flotilla/core/internal';
import { type Job, type LinkModelSpec, type Links, linksOf, parseLink, parseLinkModel } from '@flotilla/protocol';
import { BUILT_IN, loadPlugins, type Registries } from '@flotilla/worker';
import type { Options } from './options.js';
import { parseStepSize, type StepSize } from './step-size.js';

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
  readonly dimension: number;
  /** The problem's own constants, where formulas for them exist. */
  readonly smoothness: Smoothness | undefined;
  readonly theory: Theory;
  /** The method's own parameters. */
  readonly parameters: MethodParameters;
  readonly stepSize: StepSize;
  /** The workers' links, when they are paced. */
  readonly links: Links | undefined;
  /** Links whose clocks run beside the round clock. */
  readonly linkModels: readonly LinkModelSpec[];
}

/** What the names in the options stand for; needs no data. @throws UsageError for a name or spec that nothing has. */
export function resolveNames(options: Options, { methods, problems }: Registries = BUILT_IN) {
  const methodSpec = Spec.parse('method', options.method);
  const method = lookUp('method', methods, methodSpec.name);
  const reference = parseProblem(options.problem);
  const { spec: problemSpec } = reference;
  const family = lookUpProblem(problems, reference);
  checkData(family, dataRequest(options));
  const init = options.init ?? family.init;
  checkInit(init);
  const stepSize = parseStepSize(options.stepSize ?? family.stepSize(method.name));
  const link = options.link === undefined ? undefined : parseLink(options.link);
  const linkModels = options.linkModel === undefined ? [] : [parseLinkModel(options.linkModel)];
  return { methodSpec, method, problemSpec, family, init, stepSize, link, linkModels };
}

/** What the options say of the data. */
function dataRequest({ data, split, indexBase, labelColumn, header }: Options): DataRequest {
  return {
    data,
    split,
    format: {
      indexBase: indexBase as 0 | 1 | 'auto' | undefined,
      labelColumn,
      header: header === undefined || header === 'auto' ? header : header === 'true',
    },
  };
}

/**
 * Checks everything that can be wrong with a run, loads its data, and fills in what depends on method, problem and data.
 * @param note gets what loading has to say, a line each
 */
export async function planRun(
  options: Options,
  signal?: AbortSignal,
  note?: (message: string) => void,
): Promise<RunPlan> {
  const registries = await loadPlugins(options.plugins, options.problem);
  const names = resolveNames(options, registries);
  const { methodSpec, method, problemSpec, family, init, stepSize, linkModels } = names;
  const { workers, wire, dense, seed } = options;

  const random = new KeyedRandom(seed);
  const links = names.link && linksOf(names.link, workers, random);
  const input = { ...dataRequest(options), workers, random, signal, note };
  const where = `problem ${problemSpec.name}`;
  const loaded = await attempt(`${where}, load`, () => loadData(family, problemSpec, input));
  // as on the workers' threads, from a spec that nobody has read: `create` must ask for every parameter
  const { spec } = parseProblem(options.problem);
  const problem = attempt(`${where}, create`, () => family.create(spec, { workers, random, ...loaded.shared }));
  const { dimension, smoothness } = problem;
  checkInit(init, problem);

  if (method.batches === true && loaded.samples === undefined) {
    throw new UsageError(`method ${method.name} draws batches of samples; problem ${family.name} has none`);
  }
  const uplink = linkCompressor('uplink', method.uplink, options.uplink, method.name);
  const downlink = linkCompressor('downlink', method.downlink, options.downlink, method.name);
  const linkTheory = (link: 'uplink' | 'downlink', spec = 'identity'): LinkTheory => {
    const { constants } = createCompressor(spec, { dimension, workers, wire }, registries.compressors);
    checkAssumption(method, link, spec, constants);
    return constants;
  };
  const theory = {
    workers,
    dimension,
    samples: loaded.samples,
    uplink: linkTheory('uplink', uplink),
    downlink: linkTheory('downlink', downlink),
  };
  const parameters = method.parameters(methodSpec, theory);
  methodSpec.rejectUnknown();

  return {
    job: {
      method: options.method,
      problem: options.problem,
      data: loaded.source,
      split: loaded.split,
      workers,
      uplink,
      downlink,
      wire,
      dense,
      init,
      seed,
    },
    registries,
    method,
    problem,
    problemData: loaded.shared,
    dimension,
    smoothness,
    theory,
    parameters,
    stepSize,
    links,
    linkModels,
  };
}

/** Refuses a compressor that the method's theory does not cover, whatever the step size. */
function checkAssumption(
  method: Method,
  link: 'uplink' | 'downlink',
  spec: string,
  { omega, alpha }: LinkTheory,
): void {
  if (method.contractive === link) {
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
    throw new UsageError(`method ${method} sends no compressed messages on the ${link}; leave out ${link}=${asked}`);
  }
  return asked ?? usual;
}
