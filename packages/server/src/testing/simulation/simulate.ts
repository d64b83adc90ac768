import { Judge, Violation } from './judge.js';
import { type FaultyParts, live } from './life.js';
import { referenceOf } from './reference.js';
import { Faults, type Schedule } from './schedule.js';
import { SimulatedWorld } from './simulated-process.js';

/** What a simulation came to. */
export interface Verdict {
  /** What went wrong; undefined when nothing did. */
  readonly complaint: string | undefined;
  /** Kinds of the faults that have happened; others were planned for times that never came. */
  readonly fired: readonly string[];
  /** How often the server was started. */
  readonly lives: number;
  /** Seconds that have passed in it. */
  readonly seconds: number;
}

/**
 * Runs a schedule: the server thread's whole run with its workers on this thread, in simulated time, on a simulated disk, again
 * and again until it has come to its end; and holds it to what the same run comes to when nothing happens.
 */
export async function simulate(schedule: Schedule, parts: FaultyParts = {}): Promise<Verdict> {
  const world = new SimulatedWorld(new Faults(schedule.faults));
  let lives = 0;
  let complaint: string | undefined;
  try {
    const judge = new Judge(schedule, await referenceOf(schedule), world);
    for (let task: ReturnType<Judge['after']> = judge.first(); task !== undefined; ) {
      lives++;
      const rot = world.faults.at('start');
      if (rot?.do === 'rot') judge.rot(rot.bit);
      task = judge.after(await live(task, schedule, world, parts, judge.onDownlink));
    }
  } catch (thrown) {
    const error = world.stuck ?? (thrown as Error);
    complaint = error instanceof Violation || error === world.stuck ? error.message : (error.stack ?? String(error));
  }
  const fired = world.faults.fired.map((fault) => fault.do);
  return { complaint, fired, lives, seconds: world.clock.now() / 1000 };
}
