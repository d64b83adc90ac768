import type { Runtime } from '@flotilla/core';
import { parseLinkModel } from '@flotilla/protocol';
import type { Options } from '@flotilla/server';
import { planRun, Training } from '@flotilla/server/internal';

// Seconds of a run as if every worker and the server had a core of its own: what its frames take on modelled links, and for
// every answer what both ends work.

/** A link model in which frames alone take time: a rate in Mbit/s, the same both ways (none: no limit), and a latency. */
export function framesAlone(speed: number | undefined, latency: string): string {
  const rate = speed === undefined ? '' : `up=${speed.toFixed(6)}mbit,down=${speed.toFixed(6)}mbit,`;
  return `${rate}latency=${latency},server=0ms,compute=0ms`;
}

/** A link model whose seconds are answers: rounds, and one more where workers send initial gradients. */
export const COUNT_ANSWERS = 'compute=1s,server=0ms';

/** How long the ends of one method work in a round, milliseconds. */
export interface Work {
  readonly worker: number;
  readonly server: number;
}

/** Seconds that both ends work for so many answers: all workers equally long, so that no link hides it. */
export const secondsOfWork = (answers: number, { worker, server }: Work) => (answers * (worker + server)) / 1000;

/** Rounds of which the working times are measured, after some for the compiler. */
const MEASURED_ROUNDS = 60;
const WARM_UP_ROUNDS = 15;

/**
 * What the slowest worker and the server work in a round: processor time of the first rounds on one thread, shared out as the
 * clock saw it, so that other programs on the machine do not count. (The slowest: where workers of a thread share work, one of
 * them does it, as each would on a core of its own.)
 * @param options Of a run that does not diverge in its first rounds.
 * @param repeats Measurements, of which the least counts: neighbours on the machine make work longer, never shorter.
 */
export async function workOf(options: Options, runtime: Runtime, repeats = 1): Promise<Work> {
  const plan = { ...(await planRun(options)), linkModels: [parseLinkModel('compute=0ms')] };
  const training = await Training.open({ ...options, transport: 'loopback' }, { plan, runtime });
  try {
    for (let round = 0; round < WARM_UP_ROUNDS; round++) await training.round();
    let least = await measuredWork(training);
    for (let k = 1; k < repeats; k++) {
      const work = await measuredWork(training);
      if (work.worker + work.server < least.worker + least.server) least = work;
    }
    return least;
  } finally {
    await training.close();
  }
}

/** Of the next rounds. */
async function measuredWork(training: Training): Promise<Work> {
  const { linkModel: model, fleet } = training;
  const ofWorkers = new Float64Array(training.options.workers);
  // in this model nothing takes time but the server
  const before = model?.seconds[0] as number;
  const cpu = process.cpuUsage();
  for (let round = 0; round < MEASURED_ROUNDS; round++) {
    await training.round();
    for (let k = 0; k < ofWorkers.length; k++) {
      ofWorkers[k] = (ofWorkers[k] as number) + (fleet.linked?.workOf(k) as number);
    }
  }
  const { user, system } = process.cpuUsage(cpu);
  const ofServer = 1000 * ((model?.seconds[0] as number) - before);
  const clock = ofServer + ofWorkers.reduce((sum, work) => sum + work, 0);
  const share = (user + system) / 1000 / clock / MEASURED_ROUNDS;
  return { worker: Math.max(...ofWorkers) * share, server: ofServer * share };
}
