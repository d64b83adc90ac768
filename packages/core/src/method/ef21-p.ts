import { axpy, subtract } from '../vector.js';
import { type Context, defineMethod, type LinkTheory, type ServerHalf } from './method.js';

interface State {
  readonly x: Float64Array;
  readonly w: Float64Array;
  readonly g: Float64Array;
  readonly difference: Float64Array;
  readonly [name: string]: Float64Array;
}

/** The server of EF21-P, whatever the workers send for their gradients. */
export const ef21PServer: ServerHalf<State> = {
  init: ({ start, dimension }) => ({
    x: start.slice(),
    w: start.slice(),
    g: new Float64Array(dimension),
    difference: new Float64Array(dimension),
  }),
  start: (state, _context, mean) => state.g.set(mean),
  plan(state, { constants }) {
    axpy(-constants.stepSize, state.g, state.x);
    subtract(state.x, state.w, state.difference);
    return { coins: 0, downlink: { form: 'compressed', vector: state.difference } };
  },
  sent: (state, _context, carried) => carried.addTo(state.w, 1),
  step: (state, _context, _plan, mean) => state.g.set(mean),
};

/** Both copies of w, and the gradient there. */
export const ef21PWorkerState = ({ start, dimension }: Context) => ({
  w: start.slice(),
  gradient: new Float64Array(dimension),
});

/** γ = 1/(L + L_rms √(b/a)), a = 1 − √(1 − α), b = (1 − α)/a. 0, which is no step size, when C is not contractive. */
export function ef21PStepSize({ alpha }: LinkTheory, { f, rms }: { f: number; rms: number }): number {
  if (!(alpha > 0)) return 0;
  const a = 1 - Math.sqrt(1 - alpha);
  return 1 / (f + rms * (Math.sqrt(1 - alpha) / a));
}

/**
 * EF21-P [Gruntkowska, Tyurin, Richtárik, ICML 2023].
 *
 *   w⁰ = x⁰;  x⁺ = x − γ g;  w⁺ = w + C(x⁺ − w), one message for all workers;  g = (1/n) Σ ∇f_i(w⁺)
 *
 * C is a contractive compressor, E‖C(v) − v‖² ≤ (1 − α)‖v‖², such as TopK (α = K/d); what it leaves out stays in x − w
 * and is sent later. γ = 1/(L + L_rms √(b/a)), a = 1 − √(1 − α), b = (1 − α)/a.
 */
export const ef21P = defineMethod({
  name: 'ef21-p',
  summary: 'one contractive compressed step to all workers, dense gradients up',
  reference: 'EF21-P (ICML 2023)',
  uplink: undefined,
  downlink: 'top-k:k=d/n',
  downlinkTo: 'all',
  parameters: () => ({}),
  stepSize: ({ downlink }, smoothness) => ef21PStepSize(downlink, smoothness),
  server: ef21PServer,
  worker: {
    init: ef21PWorkerState,
    start(state, _context, gradient) {
      gradient(state.w, state.gradient);
      return { form: 'dense', vector: state.gradient };
    },
    round(state, _context, incoming, gradient) {
      incoming.addTo(state.w, 1);
      gradient(state.w, state.gradient);
      return { form: 'dense', vector: state.gradient };
    },
  },
});
