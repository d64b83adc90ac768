import { addAt, axpy, type Vector } from '../vector.js';
import { boundWithMu } from './bound.js';
import { CommonPoint } from './common-point.js';
import { defineMethod, type ServerHalf } from './method.js';
import { type PolyakLojasiewicz, polyakLojasiewicz } from './parameters.js';
import { hardlyCompresses, isIndependent } from './uplink-theory.js';

/** Coin: the workers send their gradients, dense. */
export const DENSE_UP = 1;

interface MarinaParameters extends PolyakLojasiewicz {
  /** Probability of a dense uplink. */
  readonly p: number;
  /** Whether all of g travels or, where that is shorter, what has changed of it. */
  readonly downlink: 'dense' | 'delta';
}

interface MarinaServer {
  readonly x: Vector;
  readonly g: Vector;
  /** g as the workers hold it, where they are sent what has changed of it; else empty. */
  readonly sent: Vector;
}

/** The server of MARINA and VR-MARINA: sends g, moves x along it, and takes in gradients or differences, as the coin says. */
export const marinaServer: ServerHalf<MarinaServer, { readonly p: number; readonly downlink?: 'dense' | 'delta' }> = {
  init: ({ start, zeros, parameters }) => ({
    x: start.slice(),
    g: zeros(),
    sent: zeros(parameters.downlink === 'delta' ? undefined : 0),
  }),
  start: (state, _context, mean) => state.g.set(mean),
  plan: (state, { parameters }, coin, round) => ({
    coins: coin(parameters.p, 0) ? DENSE_UP : 0,
    downlink:
      parameters.downlink === 'delta' && round > 1
        ? { form: 'dense', vector: state.g, deltaBase: state.sent }
        : { form: 'dense', vector: state.g },
  }),
  sent(state, { stepSize, precision, parameters }, carried) {
    if (parameters.downlink === 'delta') carried.copyTo(state.sent);
    // of f32 state the wire loses nothing
    if (precision === 'f64') carried.copyTo(state.g);
    axpy(-stepSize, state.g, state.x);
  },
  step(state, _context, plan, mean, support) {
    if (plan.coins === DENSE_UP) state.g.set(mean);
    else if (support === undefined) axpy(1, mean, state.g);
    else addAt(support, mean, state.g);
  },
};

/**
 * MARINA [Gorbunov, Burlachenko, Li, Richtárik, ICML 2021, Algorithm 1].
 *
 *   g⁰ = ∇f(x⁰);  x⁺ = x − γ g on both sides;  c ~ Be(p)
 *   worker sends ∇f_i(x⁺) if c = 1, else Q_i(∇f_i(x⁺) − ∇f_i(x));  g⁺ = the mean, or g + the mean
 *
 * p = ζ/d; γ = 1 / (L (1 + √((1−p)ω / (pn)))), L = √((1/n) Σ L_i²) (Theorem 2.1).
 * With μ (Polyak–Łojasiewicz): γ = min{1 / (L (1 + √(2(1−p)ω / (pn)))), p/(2μ)} (Theorem 2.2). Workers that share what Q_i
 * draws (same-rand-k, perm-k, core): γ = 1 / (L_f + √((1−p)/p ((A−B)L² + B L_±²))), and with μ a 2 under the root [Szlendak,
 * Tyurin, Richtárik 2021]; see docs/methods.md, "Correlated uplinks". Parameters: `p`, `mu`;
 * `downlink`, `dense` (the paper's) or `delta` (only the coordinates of g that have changed, when that is shorter: the same
 * iterates, bit for bit).
 *
 * With a batch both gradients of a difference are of the same samples, as in VR-MARINA (Algorithm 2), and dense ones of all
 * samples, or of a batch of their own (Algorithm 3).
 */
export const marina = defineMethod({
  name: 'marina',
  summary: 'compressed gradient differences up, g dense down',
  coins: 1,
  description: {
    paper: 'MARINA (Gorbunov, Burlachenko, Li, Richtárik, ICML 2021)',
    algorithm: 'Algorithm 1',
    theorem: 'Theorem 2.1; under PŁ Theorem 2.2',
    downlink: 'g dense; with downlink=delta what has changed of g',
    uplink: '∇f_i(x⁺) dense with probability p, else Q_i(∇f_i(x⁺) − ∇f_i(x))',
    stepSize: '1/(L_rms (1 + √((1 − p)ω/(pn))))',
    stepSizePL: 'min{1/(L_rms (1 + √(2(1 − p)ω/(pn)))), p/(2μ)}',
    correlated: {
      theorem: 'AB-inequality (Szlendak, Tyurin, Richtárik 2021)',
      stepSize: '1/(L_f + √((1 − p)/p ((A − B) L_rms² + B L_±²)))',
      stepSizePL: 'min{1/(L_f + √(2(1 − p)/p ((A − B) L_rms² + B L_±²))), p/(2μ)}',
    },
    parameters: {
      p: 'probability of a dense uplink: ζ/d',
      downlink: 'dense: all of g; delta: the coordinates that have changed, when that is shorter',
      mu: 'μ of the Polyak–Łojasiewicz condition',
    },
  },
  uplink: 'rand-k:k=d/n',
  downlink: undefined,
  stochastic: 'differences',
  parameters(spec, { uplink, dimension }): MarinaParameters {
    const downlink = spec.choice('downlink', ['dense', 'delta']) ?? 'dense';
    // projections may be more than d
    const p = spec.number('p', 0, 1, true) ?? Math.min(1, uplink.density / dimension);
    return { p, downlink, ...polyakLojasiewicz(spec) };
  },
  report: ({ p, downlink, ...rest }) => (downlink === 'delta' ? { p, 'delta-downlink': 1, ...rest } : { p, ...rest }),
  traffic: ({ p }) => ({ uplink: { dense: p, compressed: 1 - p }, downlink: { dense: 1 } }),
  warning: ({ uplink }, { p }) => hardlyCompresses('marina', uplink, p),
  stepSize({ workers, uplink }, { f, rms, LPlusMinus = rms }, { p, mu }) {
    const { omega, A, B } = uplink;
    const odds = (1 - p) / p;
    const [smooth, variance] = isIndependent(uplink, workers)
      ? [rms, ((odds * omega) / workers) * rms ** 2]
      : [f, odds * ((A - B) * rms ** 2 + B * LPlusMinus ** 2)];
    if (mu === undefined) return 1 / (smooth + Math.sqrt(variance));
    return Math.min(1 / (smooth + Math.sqrt(2 * variance)), p / (2 * mu));
  },
  bound: (input, smoothness, parameters) => boundWithMu(input, smoothness, parameters),
  server: marinaServer,
  worker: {
    init: ({ start, zeros, common, parameters }, local) => ({
      // with a batch a worker needs ∇f_i at x too, before it moves
      x: local.stochastic ? new CommonPoint(start.slice()) : common(),
      /** For a downlink of what has changed of it; else empty. */
      g: zeros(parameters.downlink === 'delta' ? undefined : 0),
      gradient: zeros(),
    }),
    start(state, _context, local) {
      local.denseGradient(state.x.x, state.gradient);
      return { form: 'dense', vector: state.gradient };
    },
    round(state, { stepSize, parameters }, incoming, local) {
      const { x, g, gradient } = state;
      const dense = incoming.coins === DENSE_UP;
      // ∇f_i(x), where the round before has not left it
      if (local.stochastic && !dense) local.gradient(x.x, gradient);
      const minus = dense ? undefined : local.remember(gradient);
      if (parameters.downlink === 'delta') {
        incoming.copyTo(g);
        x.move(local.round, (at) => axpy(-stepSize, g, at));
      } else x.move(local.round, (at) => incoming.addTo(at, -stepSize));
      if (minus === undefined) {
        local.denseGradient(x.x, gradient);
        return { form: 'dense', vector: gradient };
      }
      local.gradient(x.x, gradient);
      return { form: 'compressed', vector: gradient, minus };
    },
  },
});
