import { methods, Rng } from '@flotilla/core';
import { drawCare, drawOptions } from './configurations.js';
import { type Fault, pick, type Schedule } from './schedule.js';

/** Seeds in a row that have one run, so that what it comes to undisturbed is computed once for them. */
const SEEDS_A_RUN = 8;

/** The schedule of a seed: a small run, and what happens to it. @param name The method; drawn too when left out */
export function drawSchedule(seed: number, name?: string): Schedule {
  const common = new Rng().seed(Math.floor(seed / SEEDS_A_RUN), 0x5eed, 1);
  const run = drawOptions(common, name ?? pick(common, Object.keys(methods)));
  const rng = new Rng().seed(seed, 0x5eed, 2);
  const options = { ...run, ...drawCare(rng) };
  const { workers = 2, rounds = 5, checksum, linkModel } = options;
  const folder = rng.coin(0.85);
  const threads = 1 + rng.below(workers);
  const jitter = { ms: pick(rng, [0, 2, 20]), seed: rng.below(1000) };
  const longer = rng.coin(0.25) ? 3 : 0;
  const faults: Fault[] = [];
  const count = 1 + rng.below(3) + (rng.coin(0.3) ? rng.below(6) : 0);
  for (let k = 0; k < count; k++) {
    faults.push(
      drawFault(rng, { workers, rounds, threads, sealed: checksum === 'on' && linkModel === undefined, folder }),
    );
  }
  return { options, folder, threads, jitter, longer, faults };
}

interface Scene {
  readonly workers: number;
  readonly rounds: number;
  readonly threads: number;
  /** Whether frames have checksums. */
  readonly sealed: boolean;
  readonly folder: boolean;
}

function drawFault(rng: Rng, scene: Scene): Fault {
  const { workers, rounds, threads, sealed, folder } = scene;
  const from1 = (most: number) => 1 + rng.below(most);
  const power = () => (rng.coin(0.6) ? { power: rng.below(1e6) } : {});
  switch (rng.below(folder ? 13 : 9)) {
    case 0:
    case 1:
    case 2:
    case 3: {
      const at = `${pick(rng, ['down', 'up'] as const)}:${rng.below(workers)}` as const;
      const nth = from1(rounds + 6);
      const kinds = ['drop', 'duplicate', 'overtaken', 'delay'] as const;
      const which = pick(rng, sealed ? ([...kinds, 'flip', 'flip', 'cut', 'stray', 'linger'] as const) : kinds);
      if (which === 'delay') return { at, nth, do: which, ms: pick(rng, [3, 70, 900, 5000]) };
      if (which === 'flip') return { at, nth, do: which, bit: rng.below(8 * 400) };
      if (which === 'cut') return { at, nth, do: which, bytes: from1(20) };
      if (which === 'stray') return { at, nth, do: which, to: rng.below(workers) };
      return { at, nth, do: which };
    }
    case 4:
    case 5: {
      const when = pick(rng, ['before', 'within', 'after'] as const);
      return {
        at: `host:${rng.below(threads)}`,
        nth: from1(rounds + 8),
        do: 'die',
        when,
        ...(rng.coin(0.2) && { silent: true }),
      };
    }
    case 6:
      return { at: `host:${rng.below(threads)}`, nth: from1(rounds + 8), do: 'stop', ms: pick(rng, [30, 700, 9000]) };
    case 7:
      return { at: `gradient:${rng.below(workers)}`, nth: from1(rounds + 3), do: pick(rng, ['throw', 'nan']) };
    case 8: {
      const nth = from1(3 * rounds + 8);
      const kind = rng.below(4);
      if (kind === 0) return { at: 'wait', nth, do: 'jump', ms: pick(rng, [100, 9000, 1e6]) };
      if (kind === 1) return { at: 'wait', nth, do: 'interrupt' };
      if (kind === 2) return { at: 'wait', nth, do: 'ask', for: pick(rng, ['checkpoint', 'model']) };
      return { at: 'wait', nth, do: 'kill', when: 'before', ...power() };
    }
    case 9:
    case 10:
      return {
        at: 'disk',
        nth: from1(40 + 3 * rounds),
        do: 'kill',
        when: pick(rng, ['before', 'within', 'after']),
        ...power(),
      };
    case 11:
      return { at: 'disk', nth: from1(40 + 3 * rounds), do: 'full', calls: pick(rng, [1, 2, 20]) };
    default:
      return { at: 'start', nth: 2 + rng.below(2), do: 'rot', bit: rng.below(8 * 4000) };
  }
}
