import { addScaled, axpy, subtract } from '../vector.js';
import { boundWithMu } from './bound.js';
import { defineMethod } from './method.js';
import { type PolyakLojasiewicz, polyakLojasiewicz } from './parameters.js';

interface M3Parameters extends PolyakLojasiewicz {
  /** p_P, probability of a dense downlink. */
  readonly pDownlink: number;
  /** p_D, probability of a dense uplink. */
  readonly pUplink: number;
  /** β, momentum of the workers. */
  readonly beta: number;
}

/** Bits of the coin word. */
const DENSE_DOWN = 1;
const DENSE_UP = 2;

/**
 * M3, compressed both ways with momentum [Gruntkowska, Tyurin, Richtárik, NeurIPS 2024, Algorithm 2].
 *
 *   w_i⁰ = z_i⁰ = x⁰, g⁰ = ∇f(x⁰);  x⁺ = x − γ g;  c_P ~ Be(p_P), c_D ~ Be(p_D), independent
 *   downlink: x⁺ (w_i⁺ = x⁺) or C_i(x⁺ − x) (w_i⁺ = w_i + C_i(x⁺ − x));  z_i⁺ = β w_i⁺ + (1 − β) z_i
 *   uplink: ∇f_i(z_i⁺) or Q_i(∇f_i(z_i⁺) − ∇f_i(z_i));  g⁺ = the mean, or g + the mean
 *
 * p_P = 1/(ω_P + 1), p_D = 1/(ω_D + 1), β = min{(1/(A_D ω_P (ω_D + 1)))^{1/3}, 1} (Corollary E.2): without compression on one
 * of the links β = 1, and M3 is MARINA (identity down) or MARINA-P (identity up). γ by Theorem E.1, with μ by Theorem E.8.
 * The theorems have independent Q_i, A_D = ω_D/n; for any other it takes its place, and these are
 * scales (docs/methods.md, "Correlated uplinks").
 * Parameters: `p` (both coins), `p-downlink`, `p-uplink`, `beta`, `mu`. With a batch both gradients of a difference are of the
 * same samples, as in `marina`.
 */
export const m3 = defineMethod({
  name: 'm3',
  summary: 'compressed steps down, compressed gradient differences up, momentum between',
  coins: 2,
  description: {
    paper: 'M3 (Gruntkowska, Tyurin, Richtárik, NeurIPS 2024)',
    algorithm: 'Algorithm 2',
    theorem: 'Theorem E.1; p and β of Corollary E.2; under PŁ Theorem E.8',
    downlink: 'x⁺ dense with probability p_P, else C_i(x⁺ − x), a different message for each worker',
    uplink: '∇f_i(z_i⁺) dense with probability p_D, else Q_i(∇f_i(z_i⁺) − ∇f_i(z_i))',
    stepSize:
      '1/(L_f + √(288 V)), V = (θ/p_P + (1 + θp_P)/β²) L_B² + (ω_P/p_P + (1 + ω_Pp_P)/β²) L_A² + A_D(ω_Pβ + 1 + ω_Pp_P) L_max²/p_D; A_D = ω_D/n if independent',
    stepSizePL: 'min{1/(L_f + √(1536 V)), p_P/(2μ), p_D/(2μ), β/(4μ)}, V as without μ',
    parameters: {
      p: 'both probabilities',
      'p-downlink': 'p_P, probability of a dense downlink: 1/(ω_P + 1)',
      'p-uplink': 'p_D, probability of a dense uplink: 1/(ω_D + 1)',
      beta: 'β, momentum of the workers: min{(1/(A_D ω_P (ω_D + 1)))^{1/3}, 1}, A_D = ω_D/n if independent',
      mu: 'μ of the Polyak–Łojasiewicz condition',
    },
  },
  uplink: 'rand-k:k=d/n',
  downlink: 'perm-k',
  stochastic: 'differences',
  parameters(spec, { uplink, downlink }): M3Parameters {
    const both = spec.number('p', 0, 1, true);
    const beta = Math.cbrt(1 / (uplink.A * downlink.omega * (uplink.omega + 1)));
    return {
      pDownlink: spec.number('p-downlink', 0, 1, true) ?? both ?? 1 / (downlink.omega + 1),
      pUplink: spec.number('p-uplink', 0, 1, true) ?? both ?? 1 / (uplink.omega + 1),
      beta: spec.number('beta', 0, 1, true) ?? Math.min(beta, 1),
      ...polyakLojasiewicz(spec),
    };
  },
  traffic: ({ pDownlink, pUplink }) => ({
    uplink: { dense: pUplink, compressed: 1 - pUplink },
    downlink: { dense: pDownlink, compressed: 1 - pDownlink },
  }),
  stepSize({ uplink, downlink }, { f, LA, LB, max }, { pDownlink: pP, pUplink: pD, beta, mu }) {
    const { omega: omegaP, theta } = downlink;
    const b2 = beta * beta;
    const bracket =
      (theta / pP + (1 + theta * pP) / b2) * LB ** 2 +
      (omegaP / pP + (1 + omegaP * pP) / b2) * LA ** 2 +
      ((uplink.A * (omegaP * beta + 1 + omegaP * pP)) / pD) * max ** 2;
    if (mu === undefined) return 1 / (f + Math.sqrt(288 * bracket));
    return Math.min(1 / (f + Math.sqrt(1536 * bracket)), pP / (2 * mu), pD / (2 * mu), beta / (4 * mu));
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
      const denseDown = coin(parameters.pDownlink, 0);
      const coins = (denseDown ? DENSE_DOWN : 0) | (coin(parameters.pUplink, 1) ? DENSE_UP : 0);
      state.previous.set(state.x);
      addScaled(state.previous, -stepSize, state.g, state.x);
      if (denseDown) return { coins, downlink: { form: 'dense', vector: state.x } };
      subtract(state.x, state.previous, state.difference);
      return { coins, downlink: { form: 'compressed', vector: state.difference } };
    },
    sent(state, _context, carried) {
      if (carried.form === 'dense') carried.copyTo(state.x);
    },
    step(state, _context, plan, mean) {
      if ((plan.coins & DENSE_UP) !== 0) state.g.set(mean);
      else axpy(1, mean, state.g);
    },
  },
  worker: {
    init({ start, zeros }, local) {
      const w = local.track(start);
      return { w, z: w.copy(), gradient: zeros() };
    },
    start(state) {
      state.z.denseGradient(state.gradient);
      return { form: 'dense', vector: state.gradient };
    },
    round(state, { parameters }, incoming, local) {
      const dense = (incoming.coins & DENSE_UP) !== 0;
      // ∇f_i(z_i), where the round before has not left it
      if (local.stochastic && !dense) state.z.gradient(state.gradient);
      const minus = dense ? undefined : local.remember(state.gradient);
      state.w.receive(incoming);
      state.z.blend(parameters.beta, state.w);
      if (minus === undefined) {
        state.z.denseGradient(state.gradient);
        return { form: 'dense', vector: state.gradient };
      }
      state.z.gradient(state.gradient);
      return { form: 'compressed', vector: state.gradient, minus };
    },
  },
});
