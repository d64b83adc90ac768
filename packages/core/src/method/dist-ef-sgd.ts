import { addScaled } from '../vector.js';
import { feedbackDelay } from './ef21-bc.js';
import { defineMethod } from './method.js';

/**
 * dist-EF-SGD, error feedback on both links [Zheng, Huang, Kwok, NeurIPS 2019, Algorithm 1], with a constant step size.
 *
 *   worker: p_i = γ ∇f_i(x) + e_i;  Δ_i = C(p_i);  e_i⁺ = p_i − Δ_i
 *   server: p̃ = (1/n) Σ Δ_i + ẽ;  Δ̃ = C(p̃), one message for all workers;  ẽ⁺ = p̃ − Δ̃;  x⁺ = x − Δ̃ on both sides
 *
 * C is contractive and may be biased, such as TopK (α = K/d). Where the functions differ it stalls at a floor of order γ²: the
 * errors are of gradients, which do not vanish. The paper's theorem asks for bounded gradients, which no quadratic has, and
 * leaves γ < 3/(2L). Base: γ = 1/(L_f + √(8 L_f L_max) R), R as in EF21-BC; for convex f_i it goes down to the floor
 * (docs/methods.md).
 */
export const distEfSgd = defineMethod({
  name: 'dist-ef-sgd',
  summary: 'steps compressed with error feedback both ways; stalls at a floor where functions differ',
  coins: 0,
  description: {
    paper: 'dist-EF-SGD (Zheng, Huang, Kwok, NeurIPS 2019)',
    algorithm: 'Algorithm 1',
    theorem:
      'a base for tuning, safe for convex functions up to the floor (docs/methods.md, "Step sizes of compression both ways")',
    downlink: 'C((1/n) Σ Δ_i + ẽ), the same for all',
    uplink: 'Δ_i = C(γ ∇f_i(x) + e_i)',
    stepSize: '1/(L_f + √(8 L_f L_max) R), R = (1 − a)/a + (2 − a)(1 − a_P)/(a a_P), a = 1 − √(1 − α)',
    parameters: {},
  },
  uplink: 'top-k:k=d/n',
  downlink: 'top-k:k=d/n',
  downlinkTo: 'all',
  contractive: 'both',
  stochastic: 'gradients',
  parameters: () => ({}),
  traffic: () => ({ uplink: { compressed: 1 }, downlink: { compressed: 1 } }),
  stepSize: (theory, { f, max }) => 1 / (f + Math.sqrt(8 * f * max) * feedbackDelay(theory)),
  server: {
    init: ({ start, zeros }) => ({
      x: start.slice(),
      /** ẽ */
      error: zeros(),
      /** p̃ */
      step: zeros(),
    }),
    start: (state, _context, mean) => addScaled(mean, 1, state.error, state.step),
    plan: (state) => ({ coins: 0, downlink: { form: 'compressed', vector: state.step } }),
    sent(state, _context, carried) {
      carried.addTo(state.x, -1);
      state.error.set(state.step);
      carried.addTo(state.error, -1);
    },
    step: (state, _context, _plan, mean) => addScaled(mean, 1, state.error, state.step),
  },
  worker: {
    init: ({ start, zeros }) => ({
      x: start.slice(),
      /** e_i */
      error: zeros(),
      /** p_i */
      step: zeros(),
      gradient: zeros(),
    }),
    start(state, { stepSize }, local) {
      local.gradient(state.x, state.gradient);
      addScaled(state.error, stepSize, state.gradient, state.step);
      return { form: 'compressed', vector: state.step };
    },
    round(state, { stepSize }, incoming, local) {
      incoming.addTo(state.x, -1);
      local.gradient(state.x, state.gradient);
      addScaled(state.error, stepSize, state.gradient, state.step);
      return { form: 'compressed', vector: state.step };
    },
    sent(state, _context, carried) {
      state.error.set(state.step);
      carried.addTo(state.error, -1);
    },
  },
});
