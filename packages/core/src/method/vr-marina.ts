import { optionError, UsageError } from '../errors.js';
import type { Vector } from '../vector.js';
import { boundWithMu } from './bound.js';
import { DENSE_UP, marinaServer } from './marina.js';
import { defineMethod, type LocalFunction } from './method.js';
import { batchSizeOrOption, type PolyakLojasiewicz, polyakLojasiewicz } from './parameters.js';
import { hardlyCompresses } from './uplink-theory.js';

interface VrMarinaParameters extends PolyakLojasiewicz {
  /** Probability of a dense uplink. */
  readonly p: number;
  /** b′, samples of a difference. */
  readonly batch: number;
  /** b, samples that stand for the full gradient; there when samples are drawn online, independently. */
  readonly largeBatch?: number;
}

/**
 * VR-MARINA [Gorbunov, Burlachenko, Li, Richtárik, ICML 2021, Algorithm 2 (finite sum) and Algorithm 3 (online)].
 *
 *   g⁰ = ∇f(x⁰);  x⁺ = x − γ g on both sides;  c ~ Be(p)
 *   worker sends, if c = 1, ∇f_i(x⁺), else Q_i((1/b′) Σ_{j∈J} (∇f_ij(x⁺) − ∇f_ij(x))), J a fresh batch, the same at both points
 *   g⁺ = the mean, or g + the mean
 *
 * Finite sum: J without replacement, p = min{ζ/d, b′/(m + b′)} (Theorem 3.1; under PŁ Theorem D.2). Online: samples are
 * drawn independently, in place of ∇f_i an average over b fresh ones, p = min{ζ/d, b′/(b + b′)} (Theorem 3.2; under PŁ
 * Theorem D.4). γ = 1 / (L + √((1−p)/(pn) (ωL² + (1+ω)𝓛²/b′))), 𝓛² = (1/n) Σ max_j L_ij², or 𝓛 = 0 where every sample is in
 * the batch, once. Workers that share what Q_i draws: (1−p)/p ((A−B)L² + B L_±² + (A + 1/n)𝓛²/b′) under the root
 * (docs/methods.md, "Correlated uplinks"). Parameters: `batch` (b′, default
 * ⌈m/100⌉ as in the paper's experiments), `online`, `large-batch` (b), `p`, `mu`.
 */
export const vrMarina = defineMethod({
  name: 'vr-marina',
  summary: 'compressed mini-batch gradient differences up, g dense down',
  coins: 1,
  description: {
    paper: 'MARINA (Gorbunov, Burlachenko, Li, Richtárik, ICML 2021)',
    algorithm: 'Algorithm 2 (finite sum), Algorithm 3 (online)',
    theorem: 'Theorems 3.1 and 3.2; under PŁ Theorems D.2 and D.4',
    downlink: 'g dense',
    uplink: '∇f_i(x⁺) dense with probability p (online: over b samples), else Q_i of the batch’s mean difference',
    stepSize: '1/(L_rms + √((1 − p)/(pn) (ωL_rms² + (1 + ω)𝓛²/b′))); 𝓛 = 0 where b′ = m',
    stepSizePL: 'min{1/(L_rms + √(2(1 − p)/(pn) (ωL_rms² + (1 + ω)𝓛²/b′))), p/(2μ)}; 𝓛 = 0 where b′ = m',
    correlated: {
      theorem: 'AB-inequality in the proofs of Theorems 3.1 and 3.2 (docs/methods.md)',
      stepSize: '1/(L_rms + √((1 − p)/p ((A − B) L_rms² + B L_±² + (A + 1/n) 𝓛²/b′)))',
      stepSizePL: 'min{1/(L_rms + √(2(1 − p)/p ((A − B) L_rms² + B L_±² + (A + 1/n) 𝓛²/b′))), p/(2μ)}',
    },
    parameters: {
      batch: 'b′, samples of a difference: ⌈m/100⌉',
      online: 'true: samples are drawn independently, and b of them stand for the full gradient',
      'large-batch': 'b, samples in place of a full gradient when online: m',
      p: 'probability of a dense uplink: min{ζ/d, b′/(m + b′)}, online min{ζ/d, b′/(b + b′)}',
      mu: 'μ of the Polyak–Łojasiewicz condition',
    },
  },
  uplink: 'rand-k:k=d/n',
  downlink: undefined,
  batches: true,
  stochastic: 'parameter',
  parameters(spec, { uplink, dimension, samples, ...asked }): VrMarinaParameters {
    const online = spec.boolean('online') ?? false;
    const batch =
      batchSizeOrOption(['batch', 'batch'], spec, asked.batch, samples, online) ?? Math.ceil((samples ?? 1) / 100);
    const { batchDense } = asked;
    const large = batchSizeOrOption(['large-batch', 'batchDense'], spec, batchDense, samples, true) ?? samples ?? 1;
    if (!online && spec.text('large-batch') !== undefined) {
      throw new UsageError('method vr-marina: large-batch is a parameter of the online variant; add online=true');
    }
    if (!online && batchDense !== undefined) {
      throw optionError('batchDense', `${batchDense} is for the online variant of method vr-marina; add online=true`);
    }
    return {
      p: spec.number('p', 0, 1, true) ?? Math.min(uplink.density / dimension, batch / (large + batch)),
      batch,
      ...(online ? { largeBatch: large } : {}),
      ...polyakLojasiewicz(spec),
    };
  },
  traffic: ({ p }) => ({ uplink: { dense: p, compressed: 1 - p }, downlink: { dense: 1 } }),
  warning: ({ uplink }, { p }) => hardlyCompresses('vr-marina', uplink, p),
  stepSize({ workers, samples, uplink: { A, B } }, smoothness, { p, batch, largeBatch, mu }) {
    const { rms, LPlusMinus = rms } = smoothness;
    // all samples, once each: no variance is left
    const exact = largeBatch === undefined && batch === samples;
    const ofSamples = exact ? 0 : (smoothness.sampleRms ?? Number.NaN);
    const variance =
      ((1 - p) / p) * ((A - B) * rms ** 2 + B * LPlusMinus ** 2 + ((A + 1 / workers) * ofSamples ** 2) / batch);
    if (mu === undefined) return 1 / (rms + Math.sqrt(variance));
    return Math.min(1 / (rms + Math.sqrt(2 * variance)), p / (2 * mu));
  },
  // online there is a term of the samples' variance beside it, which nobody knows
  bound: (input, smoothness, parameters) =>
    parameters.largeBatch === undefined ? boundWithMu(input, smoothness, parameters) : undefined,
  server: marinaServer,
  worker: {
    init: ({ start, zeros }) => ({
      x: start.slice(),
      /** x before the step. */
      before: zeros(),
      gradient: zeros(),
    }),
    start(state, { parameters }, local) {
      full(parameters.largeBatch, local, state.x, state.gradient);
      return { form: 'dense', vector: state.gradient };
    },
    round(state, { stepSize, parameters: { batch, largeBatch } }, incoming, local) {
      state.before.set(state.x);
      incoming.addTo(state.x, -stepSize);
      if (incoming.coins === DENSE_UP) {
        full(largeBatch, local, state.x, state.gradient);
        return { form: 'dense', vector: state.gradient };
      }
      const drawn = local.drawBatch(batch, largeBatch === undefined ? 'subset' : 'independent');
      local.batchGradient(state.before, drawn, state.gradient);
      const minus = local.remember(state.gradient);
      local.batchGradient(state.x, drawn, state.gradient);
      return { form: 'compressed', vector: state.gradient, minus };
    },
  },
});

/** ∇f_i, or online an average over `large` fresh samples. */
function full(large: number | undefined, local: LocalFunction, x: Vector, out: Vector): void {
  if (large === undefined) local.gradient(x, out);
  else local.batchGradient(x, local.drawBatch(large, 'independent'), out);
}
