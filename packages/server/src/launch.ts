import { KeyedRandom, type Runtime, type Smoothness, smoothnessFrom } from '@flotilla/core';
import { type ModelledServerEnd, modelLinks, WIRE_VERSION } from '@flotilla/protocol';
import { type Fleet, startHosts } from './hosts/fleet.js';
import { request } from './hosts/request.js';
import { ParameterServer } from './round/parameter-server.js';
import type { Options } from './run/options.js';
import type { RunPlan } from './run/plan.js';
import { resolveStepSize } from './run/step-size.js';

/** A run whose workers are ready for their first message. */
export interface LaunchedRun {
  readonly fleet: Fleet;
  readonly server: ParameterServer;
  readonly stepSize: number;
  /** The clocks of the plan's modelled links; undefined when there are none. */
  readonly model: ModelledServerEnd | undefined;
  /** Undefined when the problem has no smoothness constant. */
  readonly smoothness: Smoothness | undefined;
}

/**
 * Starts the workers, lets them load their shards, and settles the step size from what they found. The workers are gone
 * again when this throws.
 *
 * @param yieldToEventLoop Lets the event loop run; throws when the run must end.
 * @param hosts What `startHosts` has started for these options.
 */
export async function launch(
  options: Options,
  plan: RunPlan,
  runtime: Runtime,
  yieldToEventLoop = (): Promise<void> => runtime.yield(),
  hosts = startHosts(options, runtime),
): Promise<LaunchedRun> {
  const { job, method, dimension, theory, parameters } = plan;
  const fleet = hosts.open(plan);
  try {
    const watch = async () => {
      await yieldToEventLoop();
      const failure = fleet.failure();
      if (failure !== undefined) throw failure;
    };
    const ready = await request(fleet, { type: 'configure', wireVersion: WIRE_VERSION, job }, 'ready', watch);
    const found = ready.flatMap((host) => host.smoothness);
    const ofSamples = ready.flatMap((host) => host.sampleSmoothness);
    const known = (list: (number | null)[]): list is number[] => list.every((L) => L !== null);
    const smoothness =
      plan.smoothness ?? (known(found) ? smoothnessFrom(found, known(ofSamples) ? ofSamples : undefined) : undefined);
    const stepSize = resolveStepSize(plan.stepSize, method, theory, smoothness, parameters);
    const constants = { ...parameters, stepSize };
    await request(fleet, { type: 'begin', constants }, 'begun', watch);
    const model =
      fleet.linked !== undefined && plan.linkModels.length > 0
        ? modelLinks(fleet.linked, plan.linkModels, new KeyedRandom(job.seed), runtime)
        : undefined;
    const server = new ParameterServer({
      job,
      method,
      dimension,
      constants,
      coins: options.coins,
      transport: model ?? fleet.transport,
      runtime,
      yieldToEventLoop: watch,
      onRoundBegin: model?.beginRound,
      onRoundEnd: model?.endRound,
      workerTimeoutMs: 1000 * options.workerTimeout,
    });
    return { fleet, server, stepSize, model, smoothness };
  } catch (error) {
    await fleet.close();
    throw error;
  }
}
