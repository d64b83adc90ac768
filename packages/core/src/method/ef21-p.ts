import { axpy, subtract, type Vector } from '../vector.js';
import { uniformBound } from './bound.js';
import { defineMethod, type ServerHalf, type WorkerHalf } from './method.js';
import type { TrackedPoint } from './tracked-point.js';

interface Ef21PServer {
  readonly x: Vector;
  /** w as the workers hold it. */
  readonly w: Vector;
  readonly g: Vector;
  readonly difference: Vector;
}

/** The server of EF21-P: sends what w lacks of x, and steps along the mean of what comes back. */
export const ef21PServer: ServerHalf<Ef21PServer, object> = {
  init: ({ start, zeros }) => ({
    x: start.slice(),
    w: start.slice(),
    g: zeros(),
    difference: zeros(),
  }),
  start: (state, _context, mean) => state.g.set(mean),
  plan(state, { stepSize }) {
    axpy(-stepSize, state.g, state.x);
    subtract(state.x, state.w, state.difference);
    return { coins: 0, downlink: { form: 'compressed', vector: state.difference } };
  },
  sent: (state, _context, carried) => carried.addTo(state.w, 1),
  step: (state, _context, _plan, mean) => state.g.set(mean),
};

interface Ef21PWorker {
  readonly w: TrackedPoint;
  readonly gradient: Vector;
}

/** The worker of EF21-P: moves w and sends the gradient there in the given form. */
export function ef21PWorker(form: 'dense' | 'compressed'): WorkerHalf<Ef21PWorker, object> {
  return {
    init: ({ start, zeros }, local) => ({ w: local.track(start), gradient: zeros() }),
    start(state) {
      state.w.gradient(state.gradient);
      return { form, vector: state.gradient };
    },
    round(state, _context, incoming) {
      state.w.receive(incoming);
      state.w.gradient(state.gradient);
      return { form, vector: state.gradient };
    },
  };
}

/**
 * (1 − √(1 − α))/L. The step x⁺ = x − γ ∇f(w) has f(x⁺) ≤ f(x) − γ/2 ‖∇f(x)‖² − (1/(2γ) − L/2)‖x⁺ − x‖² + γ/2 L²‖w − x‖², and
 * E‖w⁺ − x⁺‖² ≤ (1 − a)‖w − x‖² + b‖x⁺ − x‖² with a = 1 − √(1 − α), b = (1 − α)/a, so γ ≤ 1/(L + L√(b/a)) suffices, and
 * √(b/a) = (1 − a)/a.
 */
export function ef21PStepSize(alpha: number, L: number): number {
  return (1 - Math.sqrt(1 - alpha)) / L;
}

/**
 * EF21-P [Gruntkowska, Tyurin, Richtárik, ICML 2023].
 *
 *   w⁰ = x⁰;  x⁺ = x − γ g;  w⁺ = w + C(x⁺ − w), one message for all workers;  g = (1/n) Σ ∇f_i(w⁺)
 *
 * C is a contractive compressor, E‖C(v) − v‖² ≤ (1 − α)‖v‖², such as TopK (α = K/d); what it leaves out stays in x − w
 * and is sent later. γ = (1 − √(1 − α))/L, L of f alone, since all gradients are taken at the same w (docs/methods.md).
 */
export const ef21P = defineMethod({
  name: 'ef21-p',
  summary: 'one contractive compressed step to all workers, dense gradients up',
  coins: 0,
  description: {
    paper: 'EF21-P (Gruntkowska, Tyurin, Richtárik, ICML 2023)',
    algorithm: 'EF21-P',
    theorem: 'the proof of EF21, with one w for all workers (docs/methods.md)',
    downlink: 'C(x⁺ − w), the same for all',
    uplink: '∇f_i(w) dense',
    stepSize: '(1 − √(1 − α))/L_f',
    parameters: {},
  },
  uplink: undefined,
  downlink: 'top-k:k=d/n',
  downlinkTo: 'all',
  contractive: 'downlink',
  stochastic: 'gradients',
  parameters: () => ({}),
  traffic: () => ({ uplink: { dense: 1 }, downlink: { compressed: 1 } }),
  stepSize: ({ downlink: { alpha } }, { f }) => ef21PStepSize(alpha, f),
  bound: uniformBound,
  server: ef21PServer,
  worker: ef21PWorker('dense'),
});
