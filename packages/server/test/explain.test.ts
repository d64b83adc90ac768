import { describe, expect, test } from 'vitest';
import { explain, type TrainOptions, train } from '../dist/index.js';
import { parseOptions } from '../dist/run/options.js';

const quadratic: TrainOptions = { problem: 'heterogeneous-quadratic:d=50', workers: 100, stepSize: 'theory' };
const of = (options: TrainOptions) => explain(parseOptions({ ...quadratic, ...options }));

describe('what workers share on the uplink', () => {
  test.each([
    ['rand-k:k=1', { omega: 49, theta: 0.49, A: 0.49, B: 0 }],
    ['same-rand-k:k=1', { omega: 49, theta: 49, A: 49, B: 0 }],
    // two workers get each of 50 coordinates: (100 − 2)/(2 · 99)
    ['perm-k', { omega: 49, theta: 0, A: 98 / 198, B: 98 / 198 }],
  ])('%s: ω, θ, A, B', async (uplink, { omega, theta, A, B }) => {
    const { uplink: found } = await of({ method: 'marina', uplink });
    expect(found.omega).toBeCloseTo(omega, 12);
    expect(found.theta).toBeCloseTo(theta, 12);
    expect(found.A).toBeCloseTo(A, 12);
    expect(found.B).toBeCloseTo(B, 12);
  });

  test('marina: Theorem 2.1 for independent messages, the AB-inequality for others, each with its formula and value', async () => {
    const L = 0.5 * (1 + Math.cos(Math.PI / 51));
    const independent = await of({ method: 'marina', uplink: 'rand-k:k=1' });
    expect(independent.theorem).toMatch(/^Theorem 2\.1/);
    expect(independent.stepSize.formula).toBe('1/(L_rms (1 + √((1 − p)ω/(pn))))');
    expect(independent.stepSize.value).toBeCloseTo(1 / (L * (1 + Math.sqrt(49 * 0.49))), 12);
    const shared = await of({ method: 'marina', uplink: 'same-rand-k:k=1' });
    expect(shared.theorem).toMatch(/^AB-inequality/);
    expect(shared.stepSize.formula).toBe('1/(L_f + √((1 − p)/p ((A − B) L_rms² + B L_±²)))');
    // 0.0200, at which the run goes down; the 0.1697 of ω/n ends at ‖∇f‖² = 1e22
    expect(shared.stepSize.value).toBeCloseTo(1 / (L * 50), 12);
    const pl = await of({ method: 'marina:mu=0.001', uplink: 'same-rand-k:k=1' });
    expect(pl.stepSize.formula).toMatch(/^min\{1\/\(L_f \+ √\(2/);
    expect(pl.stepSize.value).toBeCloseTo(1 / (L * (1 + 49 * Math.SQRT2)), 12);
    // all workers have one Hessian, so L_± = 0: PermK costs nothing of gradient descent's step
    expect((await of({ method: 'marina', uplink: 'perm-k' })).stepSize.value).toBeCloseTo(1 / L, 12);
  });

  test('more projections than coordinates: every round is dense, at gradient descent’s step', async () => {
    const { parameters, stepSize } = await of({ method: 'marina', uplink: 'core:m=80' });
    expect(parameters.find(({ name }) => name === 'p')?.value).toBe(1);
    expect(stepSize.value).toBeCloseTo(2 / (1 + Math.cos(Math.PI / 51)), 12);
    const { parameters: own } = await of({ method: 'pp-marina:sampled=90', uplink: 'core:m=80', stepSize: 0.1 });
    expect(own.find(({ name }) => name === 'p')?.value).toBe(1);
  });

  test('pp-marina with a number: there is no theory, and why', async () => {
    const { stepSize } = await of({ method: 'pp-marina', uplink: 'perm-k', stepSize: 0.25 });
    expect(stepSize).toMatchObject({ value: 0.25, theory: undefined });
    expect(stepSize.uncovered).toMatch(/^Theorem 4\.1 assumes that the workers' messages are independent/);
  });
});

describe('where theory has no step size, what is known is explained, and why', () => {
  test('a method’s theorem does not cover the uplink', async () => {
    const options = { method: 'pp-marina', uplink: 'perm-k', target: 1e-3 };
    const { stepSize, smoothness, uplink, prediction } = await of(options);
    const [asked] = await Promise.allSettled([train({ ...quadratic, ...options }).result]);
    const { message } = (asked as PromiseRejectedResult).reason;
    expect(message).toMatch(/^stepSize must be a number here, for theory does not cover .* Theorem 4\.1 assumes/);
    expect(`stepSize ${stepSize.refused}`).toBe(message);
    expect(stepSize).toMatchObject({ value: undefined, theory: undefined });
    expect(stepSize.uncovered).toMatch(/^Theorem 4\.1 assumes/);
    expect(uplink.A).toBeCloseTo(98 / 198, 12);
    expect(smoothness?.f).toBeCloseTo(0.5 * (1 + Math.cos(Math.PI / 51)), 12);
    expect(prediction).toMatchObject({ bound: undefined, reason: stepSize.uncovered });
  });

  test('the same with measured constants: nothing is measured for it', async () => {
    const found = await of({ method: 'pp-marina', uplink: 'perm-k', stepSize: 'measured' });
    expect(found.stepSize.value).toBeUndefined();
    expect(found.stepSize).not.toHaveProperty('measured');
    expect(found).not.toHaveProperty('measured');
  });

  const flat: TrainOptions = {
    problem: 'logistic:lambda=0,bias=false',
    data: { x: new Float64Array(8), shape: [4, 2], y: Float64Array.of(1, -1, 1, -1) },
    workers: 2,
    split: 'contiguous',
    method: 'gd',
  };
  const steep: TrainOptions = {
    problem: 'heterogeneous-quadratic',
    data: { c: Float64Array.of(1e308, 1e308), b: Float64Array.of(1, 1) },
    workers: 2,
    method: 'gd',
  };

  test.each<[string, TrainOptions, RegExp]>([
    ['data that are all 0', flat, /^theory has none where every smoothness constant is 0/],
    ['constants that are not finite', steep, /^theory needs finite constants, and L_f is Infinity/],
    ['no curvature to measure', { ...flat, stepSize: 'measured' }, /^measured has none/],
  ])('%s', async (_what, options, refused) => {
    const { stepSize, dimension } = await of(options);
    expect(stepSize).toMatchObject({ value: undefined, theory: undefined, uncovered: undefined });
    expect(stepSize.refused).toMatch(refused);
    expect(dimension).toBe(2);
    // with a number there is one, and nothing to refuse
    const { stepSize: given } = await of({ ...options, stepSize: 0.5 });
    expect(given).toMatchObject({ value: 0.5, theory: undefined });
    expect(given).not.toHaveProperty('refused');
  });
});

describe('a method that hardly compresses', () => {
  const warning = /^method marina: p = 1, so most uplinks are dense and little is compressed/;

  test.each(['natural', 'qsgd:levels=10'])('marina with %s says so', async (uplink) => {
    expect((await of({ method: 'marina', uplink })).warning).toMatch(warning);
  });

  test.each([
    ['marina', 'rand-k:k=1'],
    ['marina', 'identity'],
    ['marina:p=0.1', 'natural'],
    ['diana', 'natural'],
  ])('%s with %s has nothing to say', async (method, uplink) => {
    expect((await of({ method, uplink })).warning).toBeUndefined();
  });

  test('a run logs it once, as a note', async () => {
    const told: [object, string][] = [];
    const logger = {
      debug: () => {},
      info: (fields: object, message: string) => told.push([fields, message]),
      error: () => {},
    };
    await train({ ...quadratic, workers: 2, method: 'marina', uplink: 'natural', rounds: 1, logger }).result;
    expect(told.filter(([, message]) => warning.test(message))).toEqual([[{ note: true }, expect.anything()]]);
  });
});
