import { UsageError } from '../errors.js';
import { uniformBound } from './bound.js';
import { ef21Server } from './ef21.js';
import { defineMethod } from './method.js';
import { uncoveredAbove } from './uplink-theory.js';

interface DashaParameters {
  /** a, momentum. */
  readonly a: number;
  /** b, momentum against the noise of the batches; there when gradients are stochastic. */
  readonly momentum?: number;
}

/**
 * DASHA [Tyurin, Richtárik, ICLR 2023, Algorithm 1, gradient setting]: as good as MARINA without rounds of dense uplinks.
 *
 *   g_i⁰ = h_i⁰ = ∇f_i(x⁰), g = (1/n) Σ g_i;  x⁺ = x − γ g;  h_i⁺ = ∇f_i(x⁺)
 *   Δ̂_i = Q_i(h_i⁺ − h_i − a (g_i − h_i));  g_i⁺ = g_i + Δ̂_i;  g⁺ = g + (1/n) Σ Δ̂_i
 *
 * a = 1/(2ω + 1); γ = 1 / (L + L_rms √(16A(2ω + 1))), A = ω/n for independent Q_i (Theorem 6.1; any other A:
 * docs/methods.md, "Correlated uplinks"). Parameters: `a`, `momentum`.
 *
 * With a batch it is DASHA-MVR (Algorithm 1, stochastic setting): of gradients G_i on B samples, in a round the same,
 *
 *   h_i⁺ = G_i(x⁺) + (1 − b)(h_i − G_i(x));  g_i⁰ = h_i⁰ over all samples or, the paper's B_init, over `batchDense` of them
 *
 * The paper takes b = Θ(min{√(nεB/σ²)/ω, nεB/σ²}), of the variance σ² of a sample's gradient and the ε aimed at, which a run
 * does not know: `momentum` has to be given then.
 */
export const dasha = defineMethod({
  name: 'dasha',
  summary: 'compressed gradient differences with momentum up, never a dense uplink',
  coins: 0,
  description: {
    paper: 'DASHA (Tyurin, Richtárik, ICLR 2023)',
    algorithm: 'Algorithm 1, gradient setting',
    theorem: 'Theorem 6.1',
    downlink: 'x dense',
    uplink: 'Q_i(∇f_i(x⁺) − ∇f_i(x) − a (g_i − ∇f_i(x)))',
    stepSize: '1/(L_f + L_rms √(16A(2ω + 1))); A = ω/n if independent',
    parameters: {
      a: 'a, momentum: 1/(2ω + 1)',
      momentum:
        'b of DASHA-MVR, 0 < b ≤ 1, to be given with a batch and only then; in the paper Θ(min{√(nεB/σ²)/ω, nεB/σ²})',
    },
  },
  uplink: 'rand-k:k=d/n',
  downlink: undefined,
  stochastic: 'differences',
  parameters(spec, { uplink, batch }): DashaParameters {
    const a = spec.number('a', 0, 1, true) ?? 1 / (2 * uplink.omega + 1);
    const momentum = spec.number('momentum', 0, 1, true);
    if (batch === undefined && momentum !== undefined) {
      throw new UsageError(`method dasha: momentum=${momentum} is b of DASHA-MVR, which needs a batch`);
    }
    if (batch !== undefined && momentum === undefined) {
      throw new UsageError(
        'method dasha with a batch is DASHA-MVR, whose momentum has no default; give one in (0, 1], such as dasha:momentum=0.1',
      );
    }
    return momentum === undefined ? { a } : { a, momentum };
  },
  traffic: () => ({ uplink: { compressed: 1 }, downlink: { dense: 1 } }),
  uncovered: ({ uplink: { omega } }, { a }) => uncoveredAbove('a', a, 1 / (2 * omega + 1), '1/(2ω + 1)'),
  stepSize: ({ uplink: { omega, A } }, { f, rms }) => 1 / (f + rms * Math.sqrt(16 * A * (2 * omega + 1))),
  // the theorem's a, or so nearly that the difference is rounding
  bound: (input, _smoothness, { a }, { uplink: { omega } }) =>
    Math.abs(a * (2 * omega + 1) - 1) < 1e-9 ? uniformBound(input) : undefined,
  server: ef21Server,
  worker: {
    init: ({ start, zeros }) => ({
      x: start.slice(),
      /** g_i and h_i */
      g: zeros(),
      h: zeros(),
      gradient: zeros(),
      difference: zeros(),
    }),
    start(state, _context, local) {
      local.denseGradient(state.x, state.h);
      return { form: 'dense', vector: state.h };
    },
    round(state, { parameters: { a, momentum } }, incoming, local) {
      const { g, h, gradient, difference } = state;
      if (momentum !== undefined) local.gradient(state.x, difference);
      incoming.copyTo(state.x);
      local.gradient(state.x, gradient);
      if (momentum !== undefined) {
        for (let j = 0; j < h.length; j++) gradient[j] += (1 - momentum) * (h[j] - difference[j]);
      }
      for (let j = 0; j < difference.length; j++) difference[j] = gradient[j] - h[j] - a * (g[j] - h[j]);
      h.set(gradient);
      return { form: 'compressed', vector: difference };
    },
    // the first uplink is g_i⁰ itself, and g_i is 0 until then
    sent: (state, _context, carried) => carried.addTo(state.g, 1),
  },
});
