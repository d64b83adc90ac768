import { KeyedRandom, type Smoothness, smoothnessFrom } from '@flotilla/core';
import { LinkModel, WIRE_VERSION } from '@flotilla/protocol';
import { type Fleet, request, startFleet, startThreads } from './hosts/fleet.js';
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
  readonly model: LinkModel | undefined;
  /** Undefined when the problem has no smoothness constant. */
  readonly smoothness: Smoothness | undefined;
}

/**
 * Starts the workers, lets them build their functions, and settles the step size from what they found. The workers are
 * gone again when this throws.
 *
 * @param turn Gives the event loop a turn; throws when the run must end.
 * @param pool What `startThreads` has started for these options.
 */
export async function launch(
  options: Options,
  plan: RunPlan,
  turn: () => Promise<void>,
  pool = startThreads(options),
): Promise<LaunchedRun> {
  const workerTimeoutMs = 1000 * options.workerTimeout;
  const { job, method, problem, registries, theory, parameters } = plan;
  const fleet = startFleet(options, plan, pool);
  try {
    const watch = async () => {
      await turn();
      const failure = fleet.failure();
      if (failure !== undefined) throw failure;
    };
    const hosts = await request(fleet, { type: 'configure', wireVersion: WIRE_VERSION, job }, 'ready', watch);
    const found = hosts.flatMap((host) => host.smoothness);
    const ofSamples = hosts.flatMap((host) => host.sampleSmoothness);
    const known = (list: (number | null)[]): list is number[] => list.every((L) => L !== null);
    const smoothness =
      plan.smoothness ?? (known(found) ? smoothnessFrom(found, known(ofSamples) ? ofSamples : undefined) : undefined);
    const stepSize = resolveStepSize(plan.stepSize, method, theory, smoothness, parameters);
    const constants = { ...parameters, stepSize };
    await request(fleet, { type: 'begin', constants }, 'begun', watch);
    const { transport, linked } = fleet;
    const { workers, seed } = job;
    const model =
      linked && plan.linkModels.length > 0
        ? new LinkModel(plan.linkModels, linked, workers, new KeyedRandom(seed))
        : undefined;
    const { compressors } = registries;
    const run = { job, method, problem, compressors, constants, transport, model };
    const server = new ParameterServer({ ...run, coins: options.coins, turn: watch, workerTimeoutMs });
    return { fleet, server, stepSize, model, smoothness };
  } catch (error) {
    await fleet.close();
    throw error;
  }
}
