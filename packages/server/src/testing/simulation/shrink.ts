import type { Schedule } from './schedule.js';

/** Schedules that are tried, at most. */
const MAX_TRIES = 300;

/** A simpler schedule that still fails: fewer faults, rounds, workers, options, and no jitter, as far as that goes. */
export async function shrink(schedule: Schedule, fails: (simpler: Schedule) => Promise<boolean>): Promise<Schedule> {
  let best = schedule;
  let tries = 0;
  for (let shrunk = true; shrunk; ) {
    shrunk = false;
    for (const simpler of simplerThan(best)) {
      if (tries++ >= MAX_TRIES) return best;
      if (!(await fails(simpler))) continue;
      best = simpler;
      shrunk = true;
      break;
    }
  }
  return best;
}

/** Options that a run can do without. */
const NEEDLESS = ['batch', 'dense', 'coins', 'output', 'linkModel', 'targetRelative', 'maxBytes', 'wire'] as const;

function* simplerThan(schedule: Schedule): Generator<Schedule> {
  const { options, faults, jitter, threads } = schedule;
  for (const fault of faults) yield { ...schedule, faults: faults.filter((other) => other !== fault) };
  const { rounds = 5, workers = 2 } = options;
  for (const fewer of [1, rounds >> 1, rounds - 1]) {
    if (fewer >= 1 && fewer < rounds) yield { ...schedule, options: { ...options, rounds: fewer } };
  }
  if (schedule.longer > 0) yield { ...schedule, longer: 0 };
  if (jitter.ms > 0) yield { ...schedule, jitter: { ...jitter, ms: 0 } };
  if (threads > 1) yield { ...schedule, threads: threads - 1 };
  const highest = Math.max(1, ...faults.map(({ at }) => Number(/^(?:down|up|gradient):(\d+)$/.exec(at)?.[1] ?? 0)));
  if (workers > highest + 1) yield { ...schedule, options: { ...options, workers: workers - 1 } };
  for (const name of NEEDLESS) {
    const { [name]: value, ...others } = options;
    if (value !== undefined) yield { ...schedule, options: others };
  }
  for (const [k, fault] of faults.entries()) {
    if ('power' in fault) {
      const { power: _, ...without } = fault;
      yield { ...schedule, faults: faults.with(k, without) };
    }
  }
}
