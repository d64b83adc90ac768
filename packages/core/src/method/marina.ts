import { axpy, subtract } from '../vector.js';
import { defineMethod, polyakLojasiewicz, type ServerHalf } from './method.js';

interface MarinaServer {
  readonly x: Float64Array;
  readonly g: Float64Array;
  /** g as the workers hold it. */
  readonly sent: Float64Array;
  readonly [name: string]: Float64Array;
}

/** The server of MARINA and VR-MARINA: sends g, moves x along it, and takes in gradients or differences, as the coin says. */
export const marinaServer: ServerHalf<MarinaServer> = {
  init: ({ start, dimension }) => ({
    x: start.slice(),
    g: new Float64Array(dimension),
    sent: new Float64Array(dimension),
  }),
  start: (state, _context, mean) => state.g.set(mean),
  plan: (state, { constants }, coin, round) => ({
    coins: coin(constants.p, 0) ? 1 : 0,
    downlink:
      constants['delta-downlink'] === 1 && round > 1
        ? { form: 'dense', vector: state.g, deltaBase: state.sent }
        : { form: 'dense', vector: state.g },
  }),
  sent(state, { constants }, carried) {
    carried.copyTo(state.sent);
    state.g.set(state.sent);
    axpy(-constants.stepSize, state.g, state.x);
  },
  step(state, _context, plan, mean) {
    if (plan.coins === 1) state.g.set(mean);
    else axpy(1, mean, state.g);
  },
};

/**
 * MARINA [Gorbunov, Burlachenko, Li, Richtárik, ICML 2021, Algorithm 1].
 *
 *   g⁰ = ∇f(x⁰);  x⁺ = x − γ g on both sides;  c ~ Be(p)
 *   worker sends ∇f_i(x⁺) if c = 1, else Q_i(∇f_i(x⁺) − ∇f_i(x));  g⁺ = the mean, or g + the mean
 *
 * p = ζ/d; γ = 1 / (L (1 + √((1−p)ω / (pn)))), L = √((1/n) Σ L_i²) (Theorem 2.1).
 * With μ (Polyak–Łojasiewicz): γ = min{1 / (L (1 + √(2(1−p)ω / (pn)))), p/(2μ)} (Theorem 2.2). Parameters: `p`, `mu`;
 * `downlink`, `dense` (the paper's) or `delta` (only the coordinates of g that have changed, when that is shorter: the same
 * iterates, bit for bit).
 */
export const marina = defineMethod({
  name: 'marina',
  summary: 'compressed gradient differences up, g dense down',
  description: {
    paper: 'MARINA (Gorbunov, Burlachenko, Li, Richtárik, ICML 2021)',
    algorithm: 'Algorithm 1',
    theorem: 'Theorem 2.1; under PŁ Theorem 2.2',
    downlink: 'g dense; with downlink=delta what has changed of g',
    uplink: '∇f_i(x⁺) dense with probability p, else Q_i(∇f_i(x⁺) − ∇f_i(x))',
    stepSize: '1/(L_rms (1 + √((1 − p)ω/(pn))))',
    stepSizePL: 'min{1/(L_rms (1 + √(2(1 − p)ω/(pn)))), p/(2μ)}',
    parameters: {
      p: 'probability of a dense uplink: ζ/d',
      downlink: 'dense: all of g; delta: the coordinates that have changed, when that is shorter',
      mu: 'μ of the Polyak–Łojasiewicz condition',
    },
  },
  uplink: 'rand-k:k=d/n',
  downlink: undefined,
  parameters(spec, { uplink, dimension }) {
    const downlink = spec.text('downlink') ?? 'dense';
    if (downlink !== 'dense' && downlink !== 'delta') throw spec.invalid('downlink', downlink, 'dense or delta');
    return {
      p: spec.number('p', 0, 1, true) ?? uplink.density / dimension,
      ...(downlink === 'delta' ? { 'delta-downlink': 1 } : {}),
      ...polyakLojasiewicz(spec),
    };
  },
  traffic: ({ p = 1 }) => ({ uplink: { dense: p, compressed: 1 - p }, downlink: { dense: 1 } }),
  stepSize({ workers, uplink }, { rms }, { p = 1, mu }) {
    const variance = ((1 - p) * uplink.omega) / (p * workers);
    if (mu === undefined) return 1 / (rms * (1 + Math.sqrt(variance)));
    return Math.min(1 / (rms * (1 + Math.sqrt(2 * variance))), p / (2 * mu));
  },
  server: marinaServer,
  worker: {
    init: ({ start, dimension }) => ({
      x: start.slice(),
      g: new Float64Array(dimension),
      gradient: new Float64Array(dimension),
      previous: new Float64Array(dimension),
    }),
    start(state, _context, local) {
      local.gradient(state.x, state.gradient);
      return { form: 'dense', vector: state.gradient };
    },
    round(state, { constants, scratch }, incoming, local) {
      incoming.copyTo(state.g);
      axpy(-constants.stepSize, state.g, state.x);
      [state.previous, state.gradient] = [state.gradient, state.previous];
      local.gradient(state.x, state.gradient);
      if (incoming.coins === 1) return { form: 'dense', vector: state.gradient };
      subtract(state.gradient, state.previous, scratch);
      return { form: 'compressed', vector: scratch };
    },
  },
});
