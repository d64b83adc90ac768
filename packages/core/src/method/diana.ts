import type { Spec } from '../spec.js';
import { addScaled, axpy, subtract } from '../vector.js';
import { defineMethod, type ServerHalf, type Theory } from './method.js';

export interface DianaParameters {
  /** α, step of the shifts. */
  readonly alpha: number;
  /** What x moves along: h + the mean difference, or the new h. */
  readonly estimator: 'gradient' | 'shift';
}

/** Reads the parameters of DIANA. @throws UsageError */
export function dianaParameters(spec: Spec, { uplink }: Theory): DianaParameters {
  const estimator = spec.choice('estimator', ['gradient', 'shift']) ?? 'gradient';
  return { alpha: spec.number('alpha', 0, 1) ?? 1 / (1 + uplink.omega), estimator };
}

/** The parameters as summaries show them: the estimator is 1 when it is the shift, else 0. */
export function reportDiana({ alpha, estimator }: DianaParameters): Readonly<Record<string, number>> {
  return { alpha, 'shift-estimator': estimator === 'shift' ? 1 : 0 };
}

interface DianaServer {
  readonly x: Float64Array;
  readonly h: Float64Array;
  readonly g: Float64Array;
}

/** The server of DIANA: sends x, learns h, and steps along g = h + the mean difference or along the new h. */
export const dianaServer: ServerHalf<DianaServer, DianaParameters> = {
  init: ({ start, dimension }) => ({
    x: start.slice(),
    h: new Float64Array(dimension),
    g: new Float64Array(dimension),
  }),
  plan: (state) => ({ coins: 0, downlink: { form: 'dense', vector: state.x } }),
  sent: (state, _context, carried) => carried.copyTo(state.x),
  step(state, { stepSize, parameters: { alpha, estimator } }, _plan, mean) {
    addScaled(state.h, 1, mean, state.g);
    axpy(alpha, mean, state.h);
    axpy(-stepSize, estimator === 'shift' ? state.h : state.g, state.x);
  },
};

/**
 * DIANA [Mishchenko, Gorbunov, Takáč, Richtárik 2019, Algorithm 1].
 *
 *   h_i⁰ = 0;  Δ̂_i = Q_i(∇f_i(x) − h_i);  g = h + (1/n) Σ Δ̂_i;  x⁺ = x − γ g
 *   h_i⁺ = h_i + α Δ̂_i on the worker, h⁺ = h + α (1/n) Σ Δ̂_i on the server
 *
 * α = 1/(1 + ω). γ = 1/(10 L √(1 + ω/n) (m^{2/3} + ω + 1)) with m = 1, L = √((1/n) Σ L_i²), for non-convex functions (Li,
 * Richtárik 2020, as used in MARINA's experiments). Parameters: `alpha`; `estimator`, `gradient` (g, the paper's) or
 * `shift` (the step is along h⁺, as in the published script of MARINA's experiments).
 */
export const diana = defineMethod({
  name: 'diana',
  summary: 'compressed differences to learned shifts up',
  description: {
    paper: 'DIANA (Mishchenko, Gorbunov, Takáč, Richtárik 2019)',
    algorithm: 'Algorithm 1',
    theorem: 'step size: Li, Richtárik (2020), as in the experiments of MARINA',
    downlink: 'x dense',
    uplink: 'Q_i(∇f_i(x) − h_i)',
    stepSize: '1/(10 L_rms √(1 + ω/n) (1 + ω + 1))',
    parameters: {
      alpha: 'α, step of the shifts: 1/(1 + ω)',
      estimator: 'gradient: x moves along h + the mean difference; shift: along the new h',
    },
  },
  uplink: 'rand-k:k=d/n',
  downlink: undefined,
  stochastic: 'gradients',
  parameters: dianaParameters,
  report: reportDiana,
  traffic: () => ({ uplink: { compressed: 1 }, downlink: { dense: 1 } }),
  stepSize: ({ workers, uplink: { omega } }, { rms }) => 1 / (10 * rms * Math.sqrt(1 + omega / workers) * (omega + 2)),
  server: dianaServer,
  worker: {
    init: ({ dimension }) => ({
      x: new Float64Array(dimension),
      h: new Float64Array(dimension),
      gradient: new Float64Array(dimension),
      difference: new Float64Array(dimension),
    }),
    round(state, _context, incoming, local) {
      incoming.copyTo(state.x);
      local.gradient(state.x, state.gradient);
      subtract(state.gradient, state.h, state.difference);
      return { form: 'compressed', vector: state.difference };
    },
    sent: (state, { parameters }, carried) => carried.addTo(state.h, parameters.alpha),
  },
});
