import { describe, expect, test } from 'vitest';
import { type Attendance, KeyedRandom, methods } from '../dist/index.js';
import { createContext } from '../dist/internal.js';

// Workers that are away, from PP-MARINA's own server half: who is asked, what is sent, and the mean of g over all draws there are.

const N = 4;
const R = 2;
const AWAY = 1;
const PRESENT = [0, 2, 3];
const method = methods['pp-marina'] as NonNullable<(typeof methods)[string]>;

function opened(p: number) {
  const context = createContext(
    { workers: N, init: 'zeros', wire: 'f64' },
    { dimension: 2, start: () => new Float64Array(2) } as never,
    { stepSize: 0.5, parameters: { p, sampled: R, downlink: 'participants' } as never },
    new KeyedRandom('away'),
    new Float64Array(2),
  );
  return { context, state: method.server.init(context) as never as { x: Float64Array; g: Float64Array } };
}

const never = () => false;
const away = (changed: boolean): Attendance => ({ changed, isAway: (worker) => worker === AWAY, isNew: never });

test('over all draws, the mean of g is g and the mean of the differences of those that are there', () => {
  const differences = [
    [1, -2],
    [100, 100],
    [3, 5],
    [-7, 0.5],
  ] as const;
  const sum = new Float64Array(2);
  for (let draws = 0; draws < N ** R; draws++) {
    const { context, state } = opened(0.1);
    state.g.set([10, 20]);
    const mean = new Float64Array(2);
    for (const worker of [draws % N, Math.floor(draws / N)]) {
      // as the server folds it: one over the workers that are there, and nothing from one that is not
      if (worker === AWAY) continue;
      for (let j = 0; j < 2; j++) mean[j] = (mean[j] as number) + (differences[worker]?.[j] as number) / PRESENT.length;
    }
    method.server.step(state as never, context, { coins: 0, downlink: { form: 'none', vector: mean } }, mean);
    for (let j = 0; j < 2; j++) sum[j] = (sum[j] as number) + (state.g[j] as number) / N ** R;
  }
  // 10 + (1 + 3 − 7)/3, 20 + (−2 + 5 + ½)/3
  expect(sum[0]).toBeCloseTo(9, 12);
  expect(sum[1]).toBeCloseTo(20 + 3.5 / 3, 12);
});

describe('a round', () => {
  test('asks nobody that is away and sends it nothing; others than before begin with their gradients', () => {
    const { context, state } = opened(1e-9);
    for (let round = 1; round <= 50; round++) {
      const changed = round === 1 || round === 30;
      const plan = method.server.plan(state as never, context, never, round, away(changed));
      expect(plan.coins).toBe(changed ? 1 : 0);
      expect(plan.answers?.(AWAY)).toBe(false);
      const own = plan.downlink as (worker: number) => { form: string };
      expect(own(AWAY).form).toBe('none');
      for (const worker of PRESENT) {
        if (changed) expect(plan.answers?.(worker)).toBe(true);
        expect(own(worker).form).toBe(plan.answers?.(worker) === true ? 'dense' : 'none');
      }
    }
  });

  test('who comes back is sent x, whatever it was sent before', () => {
    const { context, state } = opened(1e-9);
    const sentTo = (round: number, attendance: Attendance | undefined, worker: number) => {
      const plan = method.server.plan(state as never, context, never, round, attendance);
      return (plan.downlink as (worker: number) => { form: string; extra?: readonly Float64Array[] })(worker);
    };
    const everybody = (changed: boolean): Attendance => ({ changed, isAway: never, isNew: never });
    // round 1 needs no x: all begin at x⁰
    expect(sentTo(1, everybody(true), AWAY).extra).toBeUndefined();
    // in round 2 as well it has all that it needs
    expect(sentTo(2, everybody(true), AWAY).extra).toBeUndefined();
    expect(sentTo(3, away(true), AWAY).form).toBe('none');
    // another process has come in its place: without a word from before
    expect(sentTo(4, everybody(true), AWAY).extra).toHaveLength(1);
    // it has had round 4; one that is new in its place, without a round in which nobody had it, has not
    expect(sentTo(5, everybody(true), AWAY).extra).toBeUndefined();
    expect(sentTo(6, { ...everybody(true), isNew: (worker) => worker === AWAY }, AWAY).extra).toHaveLength(1);
  });
});
