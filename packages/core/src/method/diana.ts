import type { Spec } from '../spec.js';
import { addScaled, axpy, subtract, type Vector } from '../vector.js';
import { defineMethod, type ServerHalf, type Theory } from './method.js';
import { uncoveredAbove } from './uplink-theory.js';

interface DianaParametersWithTheory extends DianaParameters {
  /** Whose step size `theory` is. */
  readonly theory: 'horvath' | 'li-richtarik';
}

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
  readonly x: Vector;
  readonly h: Vector;
  readonly g: Vector;
}

/** g ← h + the mean difference, and h learns: h ← h + α · the mean difference. */
export function learnShift({ g, h }: { g: Vector; h: Vector }, alpha: number, mean: Vector): void {
  addScaled(h, 1, mean, g);
  axpy(alpha, mean, h);
}

/** The server of DIANA: sends x, learns h, and steps along g = h + the mean difference or along the new h. */
export const dianaServer: ServerHalf<DianaServer, DianaParameters> = {
  init: ({ start, zeros }) => ({
    x: start.slice(),
    h: zeros(),
    g: zeros(),
  }),
  plan: (state) => ({ coins: 0, downlink: { form: 'dense', vector: state.x } }),
  sent: (state, _context, carried) => carried.copyTo(state.x),
  step(state, { stepSize, parameters: { alpha, estimator } }, _plan, mean) {
    learnShift(state, alpha, mean);
    axpy(-stepSize, estimator === 'shift' ? state.h : state.g, state.x);
  },
};

/**
 * DIANA [Mishchenko, Gorbunov, Takáč, Richtárik 2019, Algorithm 1].
 *
 *   h_i⁰ = 0;  Δ̂_i = Q_i(∇f_i(x) − h_i);  g = h + (1/n) Σ Δ̂_i;  x⁺ = x − γ g
 *   h_i⁺ = h_i + α Δ̂_i on the worker, h⁺ = h + α (1/n) Σ Δ̂_i on the server
 *
 * α = 1/(1 + ω). Two step sizes for non-convex functions, L = √((1/n) Σ L_i²): γ = 1/(10 L √(1 + A) (m^{2/3} + ω + 1)) with
 * m = 1 [Horváth et al. 2019, as used in MARINA's experiments], and γ = 1/(L (1 + (1 + ω)√A)) [Li, Richtárik 2020], whose
 * rate MARINA's Table 1 cites, a scale. A = ω/n for independent Q_i, as both papers have it; the first holds for any other A too, and a
 * quarter of the second (proof: docs/methods.md, "Correlated uplinks"). Parameters: `alpha`; `theory`, `horvath` or
 * `li-richtarik`; `estimator`, `gradient` (g, the paper's) or `shift` (the step is along h⁺, as in the published script of
 * MARINA's experiments).
 */
export const diana = defineMethod({
  name: 'diana',
  summary: 'compressed differences to learned shifts up',
  coins: 0,
  description: {
    paper: 'DIANA (Mishchenko, Gorbunov, Takáč, Richtárik 2019)',
    algorithm: 'Algorithm 1',
    theorem:
      'step size: Horváth et al. (2019), as in the experiments of MARINA; theory=li-richtarik: Li, Richtárik (2020)',
    downlink: 'x dense',
    uplink: 'Q_i(∇f_i(x) − h_i)',
    stepSize: '1/(10 L_rms √(1 + A) (ω + 2)), theory=li-richtarik: 1/(L_rms (1 + (1 + ω)√A)); A = ω/n if independent',
    parameters: {
      alpha: 'α, step of the shifts: 1/(1 + ω)',
      estimator: 'gradient: x moves along h + the mean difference; shift: along the new h',
      theory: 'whose step size: horvath or li-richtarik',
    },
  },
  uplink: 'rand-k:k=d/n',
  downlink: undefined,
  stochastic: 'gradients',
  parameters: (spec, theory): DianaParametersWithTheory => ({
    ...dianaParameters(spec, theory),
    theory: spec.choice('theory', ['horvath', 'li-richtarik']) ?? 'horvath',
  }),
  report: ({ theory, ...parameters }) => ({
    ...reportDiana(parameters),
    ...(theory === 'li-richtarik' ? { 'li-richtarik-theory': 1 } : {}),
  }),
  traffic: () => ({ uplink: { compressed: 1 }, downlink: { dense: 1 } }),
  uncovered: ({ uplink: { omega } }, { alpha }) => uncoveredAbove('alpha', alpha, 1 / (1 + omega), '1/(1 + ω)'),
  stepSize: ({ uplink: { omega, A } }, { rms }, { theory }) =>
    theory === 'horvath'
      ? 1 / (10 * rms * Math.sqrt(1 + A) * (omega + 2))
      : 1 / (rms * (1 + (1 + omega) * Math.sqrt(A))),
  server: dianaServer,
  worker: {
    init: ({ zeros }) => ({
      x: zeros(),
      h: zeros(),
      gradient: zeros(),
      difference: zeros(),
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
