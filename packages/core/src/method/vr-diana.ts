import { optionError } from '../errors.js';
import { type DianaParameters, diana, dianaParameters, dianaServer, reportDiana } from './diana.js';
import { defineMethod } from './method.js';
import { batchSizeOrOption } from './parameters.js';
import { uncoveredAbove } from './uplink-theory.js';

interface VrDianaParameters extends DianaParameters {
  /** b′, samples of a gradient. */
  readonly batch: number;
  /** 1/m′, probability of a new reference point. */
  readonly pReference: number;
}

/** Coin: the workers move their reference points to x. */
const NEW_REFERENCE = 1;

/**
 * VR-DIANA, loopless [Horváth, Kovalev, Mishchenko, Stich, Richtárik 2019].
 *
 *   w_i⁰ = x⁰, μ_i = ∇f_i(w_i);  g_i = (1/b′) Σ_{j∈J} (∇f_ij(x) − ∇f_ij(w_i)) + μ_i;  Δ̂_i = Q_i(g_i − h_i);  the rest as DIANA
 *   u ~ Be(1/m′), m′ = m/b′, one coin for all workers: if u = 1, w_i ← x and μ_i ← ∇f_i(x)
 *
 * J is drawn without replacement. α = 1/(1 + ω). γ = 1/(10 L √(1 + A) (m′^{2/3} + ω + 1)), L = √((1/n) Σ L_i²), A = ω/n for
 * independent Q_i (the same paper, as used in MARINA's experiments), a scale for others. Parameters: `batch` (b′, default
 * ⌈m/100⌉), `alpha`, `estimator` (see DIANA).
 */
export const vrDiana = defineMethod({
  name: 'vr-diana',
  summary: 'compressed differences of variance-reduced gradients to learned shifts up',
  coins: 1,
  description: {
    paper: 'VR-DIANA (Horváth, Kovalev, Mishchenko, Stich, Richtárik 2019)',
    algorithm: 'the loopless variant',
    theorem: 'step size: the same paper, as in the experiments of MARINA',
    downlink: 'x dense',
    uplink: 'Q_i(g_i − h_i), g_i the variance-reduced gradient',
    stepSize: '1/(10 L_rms √(1 + A) (m′^{2/3} + ω + 1)), m′ = m/b′; A = ω/n if independent',
    parameters: {
      batch: 'b′, samples of a gradient: ⌈m/100⌉',
      alpha: diana.description.parameters.alpha,
      estimator: diana.description.parameters.estimator,
    },
  },
  uplink: 'rand-k:k=d/n',
  downlink: undefined,
  batches: true,
  stochastic: 'parameter',
  parameters(spec, theory): VrDianaParameters {
    const samples = theory.samples ?? 1;
    if (theory.batchDense !== undefined) {
      throw optionError('batchDense', `${theory.batchDense} must be left out: method vr-diana has no dense rounds`);
    }
    const batch = batchSizeOrOption(['batch', 'batch'], spec, theory.batch, samples, false) ?? Math.ceil(samples / 100);
    return { ...dianaParameters(spec, theory), batch, pReference: batch / samples };
  },
  report: (parameters) => ({
    ...reportDiana(parameters),
    batch: parameters.batch,
    'p-reference': parameters.pReference,
  }),
  traffic: () => ({ uplink: { compressed: 1 }, downlink: { dense: 1 } }),
  uncovered: ({ uplink: { omega } }, { alpha }) => uncoveredAbove('alpha', alpha, 1 / (1 + omega), '1/(1 + ω)'),
  stepSize: ({ uplink: { omega, A } }, { rms }, { pReference }) =>
    1 / (10 * rms * Math.sqrt(1 + A) * ((1 / pReference) ** (2 / 3) + omega + 1)),
  server: {
    ...dianaServer,
    plan: (state, { parameters }, coin) => ({
      coins: coin(parameters.pReference, 0) ? NEW_REFERENCE : 0,
      downlink: { form: 'dense', vector: state.x },
    }),
  },
  worker: {
    init: ({ start, zeros }) => ({
      x: zeros(),
      /** w_i, and ∇f_i there once `known` is 1. */
      reference: start.slice(),
      mu: zeros(),
      known: 0,
      h: zeros(),
      gradient: zeros(),
      difference: zeros(),
    }),
    round(state, { parameters }, incoming, local) {
      incoming.copyTo(state.x);
      if (state.known === 0) {
        local.gradient(state.reference, state.mu);
        state.known = 1;
      }
      const batch = local.drawBatch(parameters.batch, 'subset');
      local.batchGradient(state.x, batch, state.gradient);
      local.batchGradient(state.reference, batch, state.difference);
      for (let j = 0; j < state.gradient.length; j++) {
        state.difference[j] = state.gradient[j] - state.difference[j] + state.mu[j] - state.h[j];
      }
      if (incoming.coins === NEW_REFERENCE) {
        state.reference.set(state.x);
        local.gradient(state.x, state.mu);
      }
      return { form: 'compressed', vector: state.difference };
    },
    sent: (state, { parameters }, carried) => carried.addTo(state.h, parameters.alpha),
  },
});
