import { addScaled, subtract } from '../vector.js';
import { boundWithMu } from './bound.js';
import { defineMethod } from './method.js';
import { type PolyakLojasiewicz, polyakLojasiewicz } from './parameters.js';

interface MarinaPParameters extends PolyakLojasiewicz {
  /** Probability of a dense downlink. */
  readonly p: number;
}

/**
 * MARINA-P [Gruntkowska, Tyurin, Richtárik, NeurIPS 2024, Algorithm 1].
 *
 *   w_i⁰ = x⁰;  x⁺ = x − γ (1/n) Σ ∇f_i(w_i);  c ~ Be(p)
 *   server sends x⁺ if c = 1 (w_i⁺ = x⁺), else C_i(x⁺ − x), a different message for each worker (w_i⁺ = w_i + C_i(x⁺ − x))
 *   worker sends ∇f_i(w_i⁺) dense
 *
 * p = 1/(ω + 1); γ = 1 / (L + √((L_A² ω + L_B² θ)(1/p − 1))) (Theorem D.1).
 * With μ (Polyak–Łojasiewicz): γ = min{1 / (L + √(2(L_A² ω + L_B² θ)(2/p − 1))), p/(2μ)} (Theorem D.10).
 * Parameters: `p`, `mu`.
 */
export const marinaP = defineMethod({
  name: 'marina-p',
  summary: 'a different compressed step to each worker, dense gradients up',
  coins: 1,
  description: {
    paper: 'MARINA-P (Gruntkowska, Tyurin, Richtárik, NeurIPS 2024)',
    algorithm: 'Algorithm 1',
    theorem: 'Theorem D.1; under PŁ Theorem D.10',
    downlink: 'x⁺ dense with probability p, else C_i(x⁺ − x), a different message for each worker',
    uplink: '∇f_i(w_i) dense',
    stepSize: '1/(L_f + √((L_A² ω + L_B² θ)(1/p − 1)))',
    stepSizePL: 'min{1/(L_f + √(2(L_A² ω + L_B² θ)(2/p − 1))), p/(2μ)}',
    parameters: { p: 'probability of a dense downlink: 1/(ω + 1)', mu: 'μ of the Polyak–Łojasiewicz condition' },
  },
  uplink: undefined,
  downlink: 'perm-k',
  stochastic: 'gradients',
  parameters: (spec, { downlink }): MarinaPParameters => ({
    p: spec.number('p', 0, 1, true) ?? 1 / (downlink.omega + 1),
    ...polyakLojasiewicz(spec),
  }),
  traffic: ({ p }) => ({ uplink: { dense: 1 }, downlink: { dense: p, compressed: 1 - p } }),
  stepSize({ downlink: { omega, theta } }, { f, LA, LB }, { p, mu }) {
    const variance = LA ** 2 * omega + LB ** 2 * theta;
    if (mu === undefined) return 1 / (f + Math.sqrt(variance * (1 / p - 1)));
    return Math.min(1 / (f + Math.sqrt(2 * variance * (2 / p - 1))), p / (2 * mu));
  },
  bound: (input, smoothness, parameters) => boundWithMu(input, smoothness, parameters),
  server: {
    init: ({ start, zeros }) => ({
      x: start.slice(),
      g: zeros(),
      previous: zeros(),
      difference: zeros(),
    }),
    start: (state, _context, mean) => state.g.set(mean),
    plan(state, { stepSize, parameters }, coin) {
      state.previous.set(state.x);
      addScaled(state.previous, -stepSize, state.g, state.x);
      if (coin(parameters.p, 0)) return { coins: 1, downlink: { form: 'dense', vector: state.x } };
      subtract(state.x, state.previous, state.difference);
      return { coins: 0, downlink: { form: 'compressed', vector: state.difference } };
    },
    sent(state, _context, carried) {
      if (carried.form === 'dense') carried.copyTo(state.x);
    },
    step: (state, _context, _plan, mean) => state.g.set(mean),
  },
  worker: {
    init: ({ start, zeros }, local) => ({ w: local.track(start), gradient: zeros() }),
    start(state) {
      state.w.gradient(state.gradient);
      return { form: 'dense', vector: state.gradient };
    },
    round(state, _context, incoming) {
      state.w.receive(incoming);
      state.w.gradient(state.gradient);
      return { form: 'dense', vector: state.gradient };
    },
  },
});
