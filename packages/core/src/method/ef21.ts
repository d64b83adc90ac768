import type { Smoothness } from '../problem/problem.js';
import { axpy, subtract, type Vector } from '../vector.js';
import { uniformBound } from './bound.js';
import { defineMethod, type ServerHalf } from './method.js';

interface Ef21Server {
  readonly x: Vector;
  /** g, the mean of the workers' g_i. */
  readonly g: Vector;
}

/** The server of EF21 and DASHA: steps along g, and adds the mean of the workers' changes to it. */
export const ef21Server: ServerHalf<Ef21Server, object> = {
  init: ({ start, zeros }) => ({ x: start.slice(), g: zeros() }),
  start: (state, _context, mean) => state.g.set(mean),
  plan(state, { stepSize }) {
    axpy(-stepSize, state.g, state.x);
    return { coins: 0, downlink: { form: 'dense', vector: state.x } };
  },
  sent: (state, _context, carried) => carried.copyTo(state.x),
  step: (state, _context, _plan, mean) => axpy(1, mean, state.g),
};

/** 1/(L_f + L_rms √(b/a)), a = 1 − √(1 − α), b = (1 − α)/a [EF21, Theorem 1]. */
function ef21StepSize(alpha: number, { f, rms }: Smoothness): number {
  const root = Math.sqrt(1 - alpha);
  return 1 / (f + (rms * root) / (1 - root));
}

/**
 * EF21, error feedback on the uplink [Richtárik, Sokolov, Fatkhullin, NeurIPS 2021, Algorithm 2].
 *
 *   g_i⁰ = ∇f_i(x⁰), g = (1/n) Σ g_i;  x⁺ = x − γ g;  Δ̂_i = C_i(∇f_i(x⁺) − g_i);  g_i⁺ = g_i + Δ̂_i;  g⁺ = g + (1/n) Σ Δ̂_i
 *
 * C_i is contractive and may be biased, such as TopK (α = K/d). γ = 1/(L + L_rms √(b/a)), a = 1 − √(1 − α), b = (1 − α)/a
 * (Theorem 1).
 */
export const ef21 = defineMethod({
  name: 'ef21',
  summary: 'contractive compressed differences to what was sent before up',
  coins: 0,
  description: {
    paper: 'EF21 (Richtárik, Sokolov, Fatkhullin, NeurIPS 2021)',
    algorithm: 'Algorithm 2',
    theorem: 'Theorem 1',
    downlink: 'x dense',
    uplink: 'C_i(∇f_i(x⁺) − g_i)',
    stepSize: '1/(L_f + L_rms √(b/a)), a = 1 − √(1 − α), b = (1 − α)/a',
    parameters: {},
  },
  uplink: 'top-k:k=d/n',
  downlink: undefined,
  contractive: 'uplink',
  stochastic: 'gradients',
  parameters: () => ({}),
  traffic: () => ({ uplink: { compressed: 1 }, downlink: { dense: 1 } }),
  stepSize: ({ uplink: { alpha } }, smoothness) => ef21StepSize(alpha, smoothness),
  bound: uniformBound,
  server: ef21Server,
  worker: {
    init: ({ start, zeros }) => ({
      x: start.slice(),
      /** g_i */
      g: zeros(),
      gradient: zeros(),
      difference: zeros(),
    }),
    start(state, _context, local) {
      local.gradient(state.x, state.gradient);
      return { form: 'dense', vector: state.gradient };
    },
    round(state, _context, incoming, local) {
      incoming.copyTo(state.x);
      local.gradient(state.x, state.gradient);
      subtract(state.gradient, state.g, state.difference);
      return { form: 'compressed', vector: state.difference };
    },
    // the first uplink is g_i⁰ itself, and g_i is 0 until then
    sent: (state, _context, carried) => carried.addTo(state.g, 1),
  },
});
