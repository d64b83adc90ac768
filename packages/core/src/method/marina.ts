import { axpy, subtract } from '../vector.js';
import { defineMethod, polyakLojasiewicz } from './method.js';

/**
 * MARINA [Gorbunov, Burlachenko, Li, Richtárik, ICML 2021, Algorithm 1].
 *
 *   g⁰ = ∇f(x⁰);  x⁺ = x − γ g on both sides;  c ~ Be(p)
 *   worker sends ∇f_i(x⁺) if c = 1, else Q_i(∇f_i(x⁺) − ∇f_i(x));  g⁺ = the mean, or g + the mean
 *
 * p = ζ/d; γ = 1 / (L (1 + √((1−p)ω / (pn)))), L = √((1/n) Σ L_i²) (Theorem 2.1).
 * With μ (Polyak–Łojasiewicz): γ = min{1 / (L (1 + √(2(1−p)ω / (pn)))), p/(2μ)} (Theorem 2.2). Parameters: `p`, `mu`.
 */
export const marina = defineMethod({
  name: 'marina',
  summary: 'compressed gradient differences up, g dense down',
  reference: 'MARINA (ICML 2021), Algorithm 1, Theorems 2.1 and 2.2',
  uplink: 'rand-k:k=d/n',
  downlink: undefined,
  parameters: (spec, { uplink, dimension }) => ({
    p: spec.number('p', 0, 1, true) ?? uplink.density / dimension,
    ...polyakLojasiewicz(spec),
  }),
  stepSize({ workers, uplink }, { rms }, { p = 1, mu }) {
    const variance = ((1 - p) * uplink.omega) / (p * workers);
    if (mu === undefined) return 1 / (rms * (1 + Math.sqrt(variance)));
    return Math.min(1 / (rms * (1 + Math.sqrt(2 * variance))), p / (2 * mu));
  },
  server: {
    init: ({ start, dimension }) => ({ x: start.slice(), g: new Float64Array(dimension) }),
    start: (state, _context, mean) => state.g.set(mean),
    plan: (state, { constants }, coin) => ({
      coins: coin(constants.p, 0) ? 1 : 0,
      downlink: { form: 'dense', vector: state.g },
    }),
    sent(state, { constants }, carried) {
      carried.copyTo(state.g);
      axpy(-constants.stepSize, state.g, state.x);
    },
    step(state, _context, plan, mean) {
      if (plan.coins === 1) state.g.set(mean);
      else axpy(1, mean, state.g);
    },
  },
  worker: {
    init: ({ start, dimension }) => ({
      x: start.slice(),
      g: new Float64Array(dimension),
      gradient: new Float64Array(dimension),
      previous: new Float64Array(dimension),
      difference: new Float64Array(dimension),
    }),
    start(state, _context, gradient) {
      gradient(state.x, state.gradient);
      return { form: 'dense', vector: state.gradient };
    },
    round(state, { constants }, incoming, gradient) {
      incoming.copyTo(state.g);
      axpy(-constants.stepSize, state.g, state.x);
      state.previous.set(state.gradient);
      gradient(state.x, state.gradient);
      if (incoming.coins === 1) return { form: 'dense', vector: state.gradient };
      subtract(state.gradient, state.previous, state.difference);
      return { form: 'compressed', vector: state.difference };
    },
  },
});
