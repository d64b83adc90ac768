import type { Smoothness } from '../problem/problem.js';
import { subtract } from '../vector.js';
import { learnShift } from './diana.js';
import { ef21PServer } from './ef21-p.js';
import { defineMethod, type Theory } from './method.js';
import { uncoveredAbove } from './uplink-theory.js';

interface Ef21PDianaParameters {
  /** β, step of the shifts. */
  readonly beta: number;
}

/** 1/(L_f (1 + √1.5 (1 − a)/a) + 16A(1 + √1.5 (1 − a)) L_max), a = 1 − √(1 − α) of the downlink (docs/methods.md). */
function ef21PDianaStepSize({ uplink, downlink }: Theory, { f, max }: Smoothness): number {
  const root = Math.sqrt(1 - downlink.alpha);
  const lag = Math.sqrt(1.5) * root;
  return 1 / (f * (1 + lag / (1 - root)) + 16 * uplink.A * (1 + lag) * max);
}

/**
 * EF21-P + DIANA [Gruntkowska, Tyurin, Richtárik, ICML 2023]: EF21-P on the downlink, DIANA on the uplink.
 *
 *   w⁰ = x⁰, h_i⁰ = 0;  x⁺ = x − γ g;  w⁺ = w + C(x⁺ − w), one message for all workers;  Δ̂_i = Q_i(∇f_i(w⁺) − h_i)
 *   g = h + (1/n) Σ Δ̂_i;  h_i⁺ = h_i + β Δ̂_i on the worker, h⁺ = h + β (1/n) Σ Δ̂_i on the server
 *
 * β = 1/(1 + ω). With a = 1 − √(1 − α), γ = 1/(L_f (1 + √1.5 (1 − a)/a) + 16A(1 + √1.5 (1 − a)) L_max) for convex f_i, A = ω/n for
 * independent Q_i: the errors of the two links add up, as in the paper's theorem, whose constants are larger. The proof, which
 * holds for any A, is in docs/methods.md. Parameter: `beta`.
 */
export const ef21PDiana = defineMethod({
  name: 'ef21-p-diana',
  summary: 'one contractive compressed step to all workers, compressed differences to learned shifts up',
  coins: 0,
  description: {
    paper: 'EF21-P (Gruntkowska, Tyurin, Richtárik, ICML 2023)',
    algorithm: 'EF21-P + DIANA',
    theorem: 'convex functions: a proof as the paper’s (docs/methods.md, "Step sizes of compression both ways")',
    downlink: 'C(x⁺ − w), the same for all',
    uplink: 'Q_i(∇f_i(w) − h_i)',
    stepSize: '1/(L_f (1 + √1.5 (1 − a)/a) + 16A(1 + √1.5 (1 − a)) L_max), a = 1 − √(1 − α); A = ω/n if independent',
    parameters: { beta: 'β, step of the shifts: 1/(1 + ω)' },
  },
  uplink: 'rand-k:k=d/n',
  downlink: 'top-k:k=d/n',
  downlinkTo: 'all',
  contractive: 'downlink',
  stochastic: 'gradients',
  parameters: (spec, { uplink }): Ef21PDianaParameters => ({
    beta: spec.number('beta', 0, 1) ?? 1 / (1 + uplink.omega),
  }),
  traffic: () => ({ uplink: { compressed: 1 }, downlink: { compressed: 1 } }),
  uncovered: ({ uplink: { omega } }, { beta }) => uncoveredAbove('beta', beta, 1 / (1 + omega), '1/(1 + ω)'),
  stepSize: ef21PDianaStepSize,
  server: {
    ...ef21PServer,
    init: (context) => ({ ...ef21PServer.init(context), h: context.zeros() }),
    start: (state, { parameters }, mean) => learnShift(state, parameters.beta, mean),
    step: (state, { parameters }, _plan, mean) => learnShift(state, parameters.beta, mean),
  },
  worker: {
    init: ({ start, zeros }, local) => ({
      w: local.track(start),
      h: zeros(),
      gradient: zeros(),
      difference: zeros(),
    }),
    start(state) {
      state.w.gradient(state.gradient);
      subtract(state.gradient, state.h, state.difference);
      return { form: 'compressed', vector: state.difference };
    },
    round(state, _context, incoming) {
      state.w.receive(incoming);
      state.w.gradient(state.gradient);
      subtract(state.gradient, state.h, state.difference);
      return { form: 'compressed', vector: state.difference };
    },
    sent: (state, { parameters }, carried) => carried.addTo(state.h, parameters.beta),
  },
});
