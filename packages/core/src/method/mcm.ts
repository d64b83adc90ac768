import type { Spec } from '../spec.js';
import { axpy, subtract, type Vector } from '../vector.js';
import { learnShift } from './diana.js';
import { type Description, defineMethod, type Theory, type WorkerHalf } from './method.js';
import { uncoveredAbove } from './uplink-theory.js';

export interface McmParameters {
  /** α_dwn, step of the downlink's memory. */
  readonly alpha: number;
  /** α_up, step of the workers' memories; left out when they have none. */
  readonly alphaUplink?: number;
}

/** Reads the parameters of MCM and Rand-MCM. @throws UsageError */
export function mcmParameters(spec: Spec, { uplink, downlink }: Theory): McmParameters {
  const memory = spec.boolean('memory') ?? false;
  return {
    alpha: spec.number('alpha', 0, 1, true) ?? 1 / (1 + downlink.omega),
    ...(memory ? { alphaUplink: 1 / (1 + uplink.omega) } : {}),
  };
}

/** What the parameters are, for the descriptions of both. */
export const mcmParameterTexts: Description['parameters'] = {
  alpha: 'α, step of the downlink’s memory: 1/(1 + ω_P)',
  memory: 'true: workers send differences to learned shifts, as in DIANA, of step 1/(1 + ω_D)',
};

/** 1/(L(1 + 2√(ω_P(1 + 2/α)/α)) + 4cA(1 + √(2ω_P)) L_max), c = 2 with the workers' memories, else 1 (docs/methods.md). */
export function mcmStepSize(
  { uplink, downlink: { omega } }: Theory,
  L: number,
  max: number,
  { alpha, alphaUplink }: McmParameters,
): number {
  const perturbed = L * (1 + 2 * Math.sqrt((omega * (1 + 2 / alpha)) / alpha));
  const noise = (alphaUplink === undefined ? 4 : 8) * uplink.A * (1 + Math.sqrt(2 * omega)) * max;
  return 1 / (perturbed + noise);
}

interface McmWorker {
  /** x̂, where gradients are taken. */
  readonly x: Vector;
  /** H */
  readonly memory: Vector;
  readonly h: Vector;
  readonly gradient: Vector;
  readonly difference: Vector;
}

/** The worker of MCM and Rand-MCM: x̂ = H + C(Ω), Q_i(∇f_i(x̂) − h_i). */
export const mcmWorker: WorkerHalf<McmWorker, McmParameters> = {
  init: ({ start, zeros }) => ({
    x: start.slice(),
    memory: start.slice(),
    h: zeros(),
    gradient: zeros(),
    difference: zeros(),
  }),
  start(state, _context, local) {
    local.gradient(state.x, state.gradient);
    return { form: 'compressed', vector: state.gradient };
  },
  round(state, { parameters }, incoming, local) {
    state.x.set(state.memory);
    incoming.addTo(state.x, 1);
    incoming.addTo(state.memory, parameters.alpha);
    local.gradient(state.x, state.gradient);
    subtract(state.gradient, state.h, state.difference);
    return { form: 'compressed', vector: state.difference };
  },
  sent(state, { parameters: { alphaUplink } }, carried) {
    if (alphaUplink !== undefined) carried.addTo(state.h, alphaUplink);
  },
};

/**
 * MCM, a model that stays whole on the server [Philippenko, Dieuleveut, NeurIPS 2021].
 *
 *   H⁰ = x⁰;  x⁺ = x − γ g;  Ω = x⁺ − H;  downlink C(Ω), one message for all workers;  x̂ = H + C(Ω);  H⁺ = H + α C(Ω)
 *   g = h + (1/n) Σ Q_i(∇f_i(x̂) − h_i);  h_i = h = 0 or, with memory=true, shifts as in DIANA
 *
 * Gradients are taken at x̂, a perturbation of x that is unbiased and, as H learns x, vanishes. C and Q_i are unbiased.
 * α = 1/(1 + ω_P); γ = 1/(L_f (1 + 2√(ω_P(1 + 2/α)/α)) + 4A(1 + √(2ω_P)) L_max), 8 in place of 4 with memory=true, for convex
 * f_i and A = ω_D/n for independent Q_i: ω_P^{3/2} as in the paper's theorem, the proof in docs/methods.md. Without memories it
 * stalls at a floor where the functions differ, as DCGD does. Parameters: `alpha`, `memory`.
 */
export const mcm = defineMethod({
  name: 'mcm',
  summary: 'compressed differences of the model to a memory of it down, compressed gradients up',
  coins: 0,
  description: {
    paper: 'MCM (Philippenko, Dieuleveut, NeurIPS 2021)',
    algorithm: 'MCM',
    theorem:
      'convex functions, up to a floor or with memory=true: a proof of its own (docs/methods.md, "Step sizes of compression both ways")',
    downlink: 'C(x⁺ − H), the same for all',
    uplink: 'Q_i(∇f_i(x̂)); with memory=true Q_i(∇f_i(x̂) − h_i)',
    stepSize: '1/(L_f (1 + 2√(ω_P(1 + 2/α)/α)) + 4A(1 + √(2ω_P)) L_max), 8A with memory=true; A = ω_D/n if independent',
    parameters: mcmParameterTexts,
  },
  uplink: 'rand-k:k=d/n',
  downlink: 'rand-k:k=d/n',
  downlinkTo: 'all',
  stochastic: 'gradients',
  parameters: mcmParameters,
  traffic: () => ({ uplink: { compressed: 1 }, downlink: { compressed: 1 } }),
  uncovered: ({ downlink: { omega } }, { alpha }) => uncoveredAbove('alpha', alpha, 1 / (1 + omega), '1/(1 + ω_P)'),
  stepSize: (theory, { f, max }, parameters) => mcmStepSize(theory, f, max, parameters),
  server: {
    init: ({ start, zeros }) => ({
      x: start.slice(),
      /** H as the workers hold it. */
      memory: start.slice(),
      h: zeros(),
      g: zeros(),
      difference: zeros(),
    }),
    start: (state, { parameters }, mean) => learnShift(state, parameters.alphaUplink ?? 0, mean),
    plan(state, { stepSize }) {
      axpy(-stepSize, state.g, state.x);
      subtract(state.x, state.memory, state.difference);
      return { coins: 0, downlink: { form: 'compressed', vector: state.difference } };
    },
    sent: (state, { parameters }, carried) => carried.addTo(state.memory, parameters.alpha),
    step: (state, { parameters }, _plan, mean) => learnShift(state, parameters.alphaUplink ?? 0, mean),
  },
  worker: mcmWorker,
});
