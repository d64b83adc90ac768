import { ef21Server } from './ef21.js';
import { defineMethod } from './method.js';

interface DashaParameters {
  /** a, momentum. */
  readonly a: number;
}

/**
 * DASHA [Tyurin, Richtárik, ICLR 2023, Algorithm 1, gradient setting]: as good as MARINA without rounds of dense uplinks.
 *
 *   g_i⁰ = h_i⁰ = ∇f_i(x⁰), g = (1/n) Σ g_i;  x⁺ = x − γ g;  h_i⁺ = ∇f_i(x⁺)
 *   Δ̂_i = Q_i(h_i⁺ − h_i − a (g_i − h_i));  g_i⁺ = g_i + Δ̂_i;  g⁺ = g + (1/n) Σ Δ̂_i
 *
 * a = 1/(2ω + 1); γ = 1 / (L + L_rms √(16ω(2ω + 1)/n)) (Theorem 6.1). Parameter: `a`.
 */
export const dasha = defineMethod({
  name: 'dasha',
  summary: 'compressed gradient differences with momentum up, never a dense uplink',
  description: {
    paper: 'DASHA (Tyurin, Richtárik, ICLR 2023)',
    algorithm: 'Algorithm 1, gradient setting',
    theorem: 'Theorem 6.1',
    downlink: 'x dense',
    uplink: 'Q_i(∇f_i(x⁺) − ∇f_i(x) − a (g_i − ∇f_i(x)))',
    stepSize: '1/(L_f + L_rms √(16ω(2ω + 1)/n))',
    parameters: { a: 'a, momentum: 1/(2ω + 1)' },
  },
  uplink: 'rand-k:k=d/n',
  downlink: undefined,
  parameters: (spec, { uplink }): DashaParameters => ({
    a: spec.number('a', 0, 1, true) ?? 1 / (2 * uplink.omega + 1),
  }),
  traffic: () => ({ uplink: { compressed: 1 }, downlink: { dense: 1 } }),
  stepSize: ({ workers, uplink: { omega } }, { f, rms }) =>
    1 / (f + rms * Math.sqrt((16 * omega * (2 * omega + 1)) / workers)),
  server: ef21Server,
  worker: {
    init: ({ start, dimension }) => ({
      x: start.slice(),
      /** g_i and h_i */
      g: new Float64Array(dimension),
      h: new Float64Array(dimension),
      gradient: new Float64Array(dimension),
      difference: new Float64Array(dimension),
    }),
    start(state, _context, local) {
      local.gradient(state.x, state.h);
      return { form: 'dense', vector: state.h };
    },
    round(state, { parameters: { a } }, incoming, local) {
      const { g, h, gradient, difference } = state;
      incoming.copyTo(state.x);
      local.gradient(state.x, gradient);
      for (let j = 0; j < difference.length; j++) difference[j] = gradient[j] - h[j] - a * (g[j] - h[j]);
      h.set(gradient);
      return { form: 'compressed', vector: difference };
    },
    // the first uplink is g_i⁰ itself, and g_i is 0 until then
    sent: (state, _context, carried) => carried.addTo(state.g, 1),
  },
});
