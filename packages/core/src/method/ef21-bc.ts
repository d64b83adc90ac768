import type { Smoothness } from '../problem/problem.js';
import { axpy, subtract } from '../vector.js';
import { defineMethod, type Theory } from './method.js';

/**
 * How much longer the path of a compressed gradient is than the gradient's own, with error feedback on both links:
 * (1 − a)/a + (2 − a)/a · (1 − a_P)/a_P, a = 1 − √(1 − α) of the uplink and a_P of the downlink. 0 without compression.
 */
export function feedbackDelay({ uplink, downlink }: Pick<Theory, 'uplink' | 'downlink'>): number {
  const up = 1 - Math.sqrt(1 - uplink.alpha);
  const down = 1 - Math.sqrt(1 - downlink.alpha);
  return (1 - up) / up + (((2 - up) / up) * (1 - down)) / down;
}

/** 1/(L_f + L_rms R), R = {@link feedbackDelay} (docs/methods.md). */
function ef21BcStepSize(theory: Theory, { f, rms }: Smoothness): number {
  return 1 / (f + rms * feedbackDelay(theory));
}

/**
 * EF21-BC, EF21 on both links [Fatkhullin, Sokolov, Gorbunov, Li, Richtárik 2021, Algorithm 5].
 *
 *   g̃_i⁰ = ∇f_i(x⁰), g⁰ = g̃⁰ = (1/n) Σ g̃_i⁰;  x⁺ = x − γ g on both sides;  g̃_i⁺ = g̃_i + C_w(∇f_i(x⁺) − g̃_i)
 *   g⁺ = g + C_M(g̃⁺ − g), g̃⁺ = (1/n) Σ g̃_i⁺, one message for all workers
 *
 * C_w and C_M are contractive and may be biased, such as TopK (α = K/d). The first downlink is g⁰, dense, as the first uplinks
 * are. γ = 1/(L_f + L_rms R), R = (1 − a)/a + (2 − a)(1 − a_P)/(a a_P), a = 1 − √(1 − α): EF21's where the downlink is not
 * compressed. The paper's theorem has the same 1/(α_w α_M) with larger constants; the proof of this one is in docs/methods.md.
 */
export const ef21Bc = defineMethod({
  name: 'ef21-bc',
  summary: 'contractive compressed differences to what was sent before, both ways',
  coins: 0,
  description: {
    paper: 'EF21 with Bells & Whistles (Fatkhullin, Sokolov, Gorbunov, Li, Richtárik 2021)',
    algorithm: 'Algorithm 5, EF21-BC',
    theorem: 'the proof of EF21, on both links (docs/methods.md, "Step sizes of compression both ways")',
    downlink: 'C_M(g̃⁺ − g), the same for all; in round 1 g⁰ dense',
    uplink: 'C_w(∇f_i(x⁺) − g̃_i)',
    stepSize: '1/(L_f + L_rms R), R = (1 − a)/a + (2 − a)(1 − a_P)/(a a_P), a = 1 − √(1 − α)',
    parameters: {},
  },
  uplink: 'top-k:k=d/n',
  downlink: 'top-k:k=d/n',
  downlinkTo: 'all',
  contractive: 'both',
  stochastic: 'gradients',
  parameters: () => ({}),
  traffic: () => ({ uplink: { compressed: 1 }, downlink: { compressed: 1 } }),
  stepSize: ef21BcStepSize,
  server: {
    init: ({ start, zeros }) => ({
      x: start.slice(),
      /** g as the workers hold it. */
      g: zeros(),
      /** g̃, the mean of the workers' g̃_i. */
      estimate: zeros(),
      difference: zeros(),
    }),
    start: (state, _context, mean) => state.estimate.set(mean),
    plan(state, _context, _coin, round) {
      if (round === 1) return { coins: 0, downlink: { form: 'dense', vector: state.estimate } };
      subtract(state.estimate, state.g, state.difference);
      return { coins: 0, downlink: { form: 'compressed', vector: state.difference } };
    },
    sent(state, { stepSize }, carried) {
      // the first one is g⁰ itself, and g is 0 until then
      carried.addTo(state.g, 1);
      axpy(-stepSize, state.g, state.x);
    },
    step: (state, _context, _plan, mean) => axpy(1, mean, state.estimate),
  },
  worker: {
    init: ({ start, zeros }) => ({
      x: start.slice(),
      g: zeros(),
      /** g̃_i */
      estimate: zeros(),
      gradient: zeros(),
      difference: zeros(),
    }),
    start(state, _context, local) {
      local.gradient(state.x, state.gradient);
      return { form: 'dense', vector: state.gradient };
    },
    round(state, { stepSize }, incoming, local) {
      incoming.addTo(state.g, 1);
      axpy(-stepSize, state.g, state.x);
      local.gradient(state.x, state.gradient);
      subtract(state.gradient, state.estimate, state.difference);
      return { form: 'compressed', vector: state.difference };
    },
    // the first uplink is g̃_i⁰ itself, and g̃_i is 0 until then
    sent: (state, _context, carried) => carried.addTo(state.estimate, 1),
  },
});
