import { Kernels } from '../kernels/kernels.js';
import { EVERY_WORKER, Rng } from '../random.js';
import { GaussianSketch } from '../sketch.js';
import { axpy, type Vector } from '../vector.js';
import { uniformBound } from './bound.js';
import { type Context, defineMethod } from './method.js';

interface CoreParameters {
  /** m, projections a round. */
  readonly m: number;
}

type CoreContext = Context<CoreParameters>;

/**
 * A side needs the vectors of two rounds: of the one before, to move, and of its own, to project. Both are shared by the
 * workers of a thread, so that they are drawn once for all of them.
 */
const sketches = new WeakMap<CoreContext, readonly [GaussianSketch, GaussianSketch]>();
const rng = new Rng();

/** The vectors of a round, which every side draws for itself. */
function sketchOf(context: CoreContext, round: number): GaussianSketch {
  let pair = sketches.get(context);
  if (pair === undefined) {
    const kernels = new Kernels();
    const create = () => new GaussianSketch(context.dimension, context.parameters.m, kernels);
    pair = [create(), create()];
    sketches.set(context, pair);
  }
  const sketch = round % 2 === 0 ? pair[0] : pair[1];
  return sketch.at(context.random.stream(rng, 'sketch', round, EVERY_WORKER));
}

/** x⁺ = x − γ g̃ with g̃ = (1/(nm)) Σ_j s_j ξ_j, the vectors of `round`. */
function move(context: CoreContext, round: number, s: Vector, x: Vector): void {
  const { stepSize, workers, parameters } = context;
  axpy(-stepSize, sketchOf(context, round).combination(s, 1 / (workers * parameters.m)), x);
}

/**
 * CORE, common random reconstruction [Yue, Zhang, Lin, Zhang, Lin, Liu, Yan, Su 2023, Algorithm 1].
 *
 *   ξ_1 … ξ_m ~ N(0, I_d), drawn anew each round, the same on every side, never sent
 *   worker sends q_j = ⟨ξ_j, ∇f_i(x)⟩;  server sends s_j = Σ_i q_j;  all: x⁺ = x − γ (1/(nm)) Σ_j s_j ξ_j
 *
 * m floats each way, E g̃ = ∇f(x). γ = m/(4 tr(A)) for quadratics with Hessian A, else m/(4 d L). A frame's downlink brings
 * the sums of the round before, so that one exchange is one round. Parameter: `m` (default min{100, d/n}; every side draws m·d
 * normal values a round).
 *
 * E‖g̃‖² = (1 + (d+1)/m)‖∇f(x)‖², so E f(x⁺) ≤ f(x) − γ(1 − γL(m+d+1)/(2m))‖∇f(x)‖², and for a quadratic
 * E⟨g̃, A g̃⟩ = (tr(A)‖∇f(x)‖² + (m+1)⟨∇f(x), A∇f(x)⟩)/m puts tr(A) + (m+1)L in place of L(m+d+1): where γ is at most m over
 * that, E‖∇f(x̂)‖² ≤ 2δ⁰/(γT) as for gradient descent.
 */
export const core = defineMethod({
  name: 'core',
  summary: 'm projections on shared random vectors, each way',
  coins: 0,
  description: {
    paper: 'CORE (Yue et al. 2023)',
    algorithm: 'Algorithm 1',
    theorem: 'base step size for tuning',
    downlink: 'the m sums of the projections, the same for all',
    uplink: 'm projections ⟨ξ_j, ∇f_i(x)⟩',
    stepSize: 'm/(4 tr(A)) for a quadratic with Hessian A, else m/(4 d L_f)',
    parameters: { m: 'projections a round: min{100, ⌊d/n⌋}, at least 1' },
  },
  uplink: undefined,
  downlink: undefined,
  stochastic: 'gradients',
  parameters: (spec, { dimension, workers }): CoreParameters => ({
    m: spec.integer('m', 1, dimension) ?? Math.min(100, Math.max(1, Math.floor(dimension / workers))),
  }),
  messageDimension: ({ m }) => m,
  traffic: () => ({ uplink: { dense: 1 }, downlink: { dense: 1 } }),
  stepSize: ({ dimension }, { f, trace }, { m }) => m / (4 * (trace ?? dimension * f)),
  bound(input, { f, trace }, { m }, { dimension }) {
    const spread = trace === undefined ? (m + dimension + 1) * f : trace + (m + 1) * f;
    return input.stepSize * spread <= m ? uniformBound(input) : undefined;
  },
  server: {
    init: ({ start, zeros, parameters }) => ({
      x: start.slice(),
      sums: zeros(parameters.m),
      /** The round that the sums are of. */
      of: 0,
    }),
    start: (state, { workers }, mean) =>
      mean.forEach((q, j) => {
        state.sums[j] = workers * q;
      }),
    plan: (state) => ({ coins: 0, downlink: { form: 'dense', vector: state.sums } }),
    sent(state, context, carried) {
      carried.copyTo(state.sums);
      move(context, state.of++, state.sums, state.x);
    },
    step: (state, { workers }, _plan, mean) =>
      mean.forEach((q, j) => {
        state.sums[j] = workers * q;
      }),
  },
  worker: {
    init: ({ start, zeros, parameters }) => ({
      x: start.slice(),
      sums: zeros(parameters.m),
      gradient: zeros(),
      projections: zeros(parameters.m),
    }),
    start(state, context, local) {
      local.gradient(state.x, state.gradient);
      sketchOf(context, 0).project(state.gradient, state.projections);
      return { form: 'dense', vector: state.projections };
    },
    round(state, context, incoming, local) {
      incoming.copyTo(state.sums);
      move(context, local.round - 1, state.sums, state.x);
      local.gradient(state.x, state.gradient);
      sketchOf(context, local.round).project(state.gradient, state.projections);
      return { form: 'dense', vector: state.projections };
    },
  },
});
