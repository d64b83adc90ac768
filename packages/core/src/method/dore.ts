import type { Smoothness } from '../problem/problem.js';
import { subtract } from '../vector.js';
import { learnShift } from './diana.js';
import { defineMethod, type Theory } from './method.js';
import { uncoveredAbove } from './uplink-theory.js';

interface DoreParameters {
  /** α, step of the shifts. */
  readonly alpha: number;
  /** β, how much of a compressed step the model takes. */
  readonly beta: number;
  /** η, weight of the error that the last step has left. */
  readonly eta: number;
}

/** 1/(5 L_f + L_rms √(10 A β (1 + 2/α)/α)) (docs/methods.md). */
function doreStepSize({ uplink }: Theory, { f, rms }: Smoothness, { alpha, beta }: DoreParameters): number {
  // without an uplink error no shift is needed, not even a moving one
  const shifts = uplink.A === 0 ? 0 : Math.sqrt((10 * uplink.A * beta * (1 + 2 / alpha)) / alpha);
  return 1 / (5 * f + rms * shifts);
}

/**
 * DORE, double residual compression [Liu, Li, Tang, Yan, AISTATS 2020, Algorithm 1], without a regulariser.
 *
 *   h_i⁰ = 0, e⁰ = 0;  Δ̂_i = Q_i(∇f_i(x̂) − h_i), ĝ = h + (1/n) Σ Δ̂_i;  h_i⁺ = h_i + α Δ̂_i, h⁺ = h + α (1/n) Σ Δ̂_i
 *   q = −γ ĝ + η e;  x̂⁺ = x̂ + β Q_m(q) on both sides, one message for all workers;  e⁺ = q − Q_m(q)
 *
 * α = 1/(1 + ω_D), β = 1/(1 + ω_P), η = min{1, 1/√(10 ω_P)}, γ = 1/(5 L_f + L_rms √(10 A β (1 + 2/α)/α)), A = ω_D/n for independent
 * Q_i: proved in docs/methods.md for any α and β up to these and η up to 1/√(10 ω_P), convex or not. The paper's experiments
 * have α = 0.1, β = η = 1 and a Q_m of small ω_P; with RandK that β diverges. Parameters: `alpha`, `beta`, `eta`. A step is
 * of the size βγ.
 */
export const dore = defineMethod({
  name: 'dore',
  summary: 'compressed steps with error feedback down, compressed differences to learned shifts up',
  coins: 0,
  description: {
    paper: 'DORE (Liu, Li, Tang, Yan, AISTATS 2020)',
    algorithm: 'Algorithm 1',
    theorem: 'a proof of its own (docs/methods.md, "Step sizes of compression both ways")',
    downlink: 'Q_m(−γ ĝ + η e), the same for all',
    uplink: 'Q_i(∇f_i(x̂) − h_i)',
    stepSize: '1/(5 L_f + L_rms √(10 A β (1 + 2/α)/α)); A = ω_D/n if independent',
    parameters: {
      alpha: 'α, step of the shifts: 1/(1 + ω_D)',
      beta: 'β, how much of a compressed step the model takes: 1/(1 + ω_P)',
      eta: 'η, weight of the error that the last step has left: min{1, 1/√(10 ω_P)}',
    },
  },
  uplink: 'rand-k:k=d/n',
  downlink: 'rand-k:k=d/n',
  downlinkTo: 'all',
  stochastic: 'gradients',
  parameters: (spec, { uplink, downlink }): DoreParameters => ({
    alpha: spec.number('alpha', 0, 1, true) ?? 1 / (1 + uplink.omega),
    beta: spec.number('beta', 0, 1, true) ?? 1 / (1 + downlink.omega),
    eta: spec.number('eta', 0, 1) ?? Math.min(1, 1 / Math.sqrt(10 * downlink.omega)),
  }),
  traffic: () => ({ uplink: { compressed: 1 }, downlink: { compressed: 1 } }),
  uncovered: ({ uplink, downlink }, { alpha, beta, eta }) =>
    uncoveredAbove('alpha', alpha, 1 / (1 + uplink.omega), '1/(1 + ω_D)') ??
    uncoveredAbove('beta', beta, 1 / (1 + downlink.omega), '1/(1 + ω_P)') ??
    uncoveredAbove('eta', eta, Math.min(1, 1 / Math.sqrt(10 * downlink.omega)), 'min{1, 1/√(10 ω_P)}'),
  stepSize: doreStepSize,
  server: {
    init: ({ start, zeros }) => ({
      /** x̂ as the workers hold it. */
      x: start.slice(),
      h: zeros(),
      g: zeros(),
      /** e */
      error: zeros(),
      /** q */
      step: zeros(),
    }),
    start: (state, { parameters }, mean) => learnShift(state, parameters.alpha, mean),
    plan({ g, error, step }, { stepSize, parameters: { eta } }) {
      for (let j = 0; j < step.length; j++) step[j] = eta * error[j] - stepSize * g[j];
      return { coins: 0, downlink: { form: 'compressed', vector: step } };
    },
    sent(state, { parameters }, carried) {
      carried.addTo(state.x, parameters.beta);
      state.error.set(state.step);
      carried.addTo(state.error, -1);
    },
    step: (state, { parameters }, _plan, mean) => learnShift(state, parameters.alpha, mean),
  },
  worker: {
    init: ({ start, zeros }) => ({
      x: start.slice(),
      h: zeros(),
      gradient: zeros(),
      difference: zeros(),
    }),
    start(state, _context, local) {
      local.gradient(state.x, state.gradient);
      subtract(state.gradient, state.h, state.difference);
      return { form: 'compressed', vector: state.difference };
    },
    round(state, { parameters }, incoming, local) {
      incoming.addTo(state.x, parameters.beta);
      local.gradient(state.x, state.gradient);
      subtract(state.gradient, state.h, state.difference);
      return { form: 'compressed', vector: state.difference };
    },
    sent: (state, { parameters }, carried) => carried.addTo(state.h, parameters.alpha),
  },
});
