import { createCompressor } from '@flotilla/compressors';
import {
  checkInit,
  checkSplit,
  dataSource,
  KeyedRandom,
  type LinkTheory,
  largestShard,
  loadInstance,
  lookUp,
  type Method,
  type MethodParameters,
  methods,
  type ProblemData,
  problems,
  type Smoothness,
  Spec,
  split,
  type Theory,
  UsageError,
} from '@flotilla/core';
import { type Job, type LinkModelSpec, type Links, linksOf, parseLink, parseLinkModel } from '@flotilla/protocol';
import { loadPlugins } from '@flotilla/worker';
import type { Options } from './options.js';
import { parseStepSize, type StepSize } from './step-size.js';

/** A run, resolved as far as it can be before its workers have looked at their shards. */
export interface RunPlan {
  readonly job: Job;
  readonly method: Method;
  /** What the workers get in shared memory or by copy, beside the job. */
  readonly problemData: ProblemData;
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
export function resolveNames(options: Options) {
  const methodSpec = Spec.parse('method', options.method);
  const method = lookUp('method', methods, methodSpec.name);
  const problemSpec = Spec.parse('problem', options.problem);
  const family = lookUp('problem', problems, problemSpec.name);
  const source = family.data === 'samples' ? dataSource(options.data ?? 'mnist') : undefined;
  if (family.data === 'none' && options.data !== undefined) {
    throw new UsageError(`problem ${family.name} takes no data; leave out data=${options.data}`);
  }
  const init = options.init ?? family.init;
  checkInit(init);
  const stepSize = parseStepSize(options.stepSize ?? family.stepSize(method.name));
  if (options.split !== undefined) checkSplit(options.split);
  const link = options.link === undefined ? undefined : parseLink(options.link);
  const linkModels = options.linkModel === undefined ? [] : [parseLinkModel(options.linkModel)];
  return { methodSpec, method, problemSpec, family, source, init, stepSize, link, linkModels };
}

/** Checks everything that can be wrong with a run, loads its data, and fills in what depends on method, problem and data. */
export async function planRun(options: Options, signal?: AbortSignal): Promise<RunPlan> {
  await loadPlugins(options.plugins);
  const names = resolveNames(options);
  const { methodSpec, method, problemSpec, family, source, init, stepSize, linkModels } = names;
  const { workers, wire, dense, seed } = options;

  const random = new KeyedRandom(seed);
  const links = names.link && linksOf(names.link, workers, random);
  const data = await source?.load({ signal });
  const splitText = options.split ?? source?.split;
  const shards = data && splitText !== undefined ? split(splitText, data, workers, random) : undefined;
  const instance = source === undefined && options.data !== undefined ? loadInstance(options.data) : undefined;
  const { dimension, smoothness } = family.create(problemSpec, { workers, random, data, shards, instance });

  if (method.batches === true && shards === undefined) {
    throw new UsageError(`method ${method.name} draws batches of samples; problem ${family.name} has none`);
  }
  const uplink = linkCompressor('uplink', method.uplink, options.uplink, method.name);
  const downlink = linkCompressor('downlink', method.downlink, options.downlink, method.name);
  const linkTheory = (link: 'uplink' | 'downlink', spec = 'identity'): LinkTheory => {
    const { constants } = createCompressor(spec, { dimension, workers, wire });
    checkAssumption(method, link, spec, constants);
    return constants;
  };
  const theory = {
    workers,
    dimension,
    samples: shards && largestShard(shards),
    uplink: linkTheory('uplink', uplink),
    downlink: linkTheory('downlink', downlink),
  };
  const parameters = method.parameters(methodSpec, theory);
  methodSpec.rejectUnknown();

  return {
    job: {
      method: options.method,
      problem: options.problem,
      data: data === undefined ? options.data : (options.data ?? 'mnist'),
      split: splitText,
      workers,
      uplink,
      downlink,
      wire,
      dense,
      init,
      seed,
    },
    method,
    problemData: { data, shards, instance },
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
