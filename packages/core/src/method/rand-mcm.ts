import { axpy } from '../vector.js';
import { learnShift } from './diana.js';
import { mcmParameters, mcmParameterTexts, mcmStepSize, mcmWorker } from './mcm.js';
import { defineMethod } from './method.js';
import { uncoveredAbove } from './uplink-theory.js';

/**
 * Rand-MCM [Philippenko, Dieuleveut, NeurIPS 2021]: MCM with a compressor and a memory of its own for each worker.
 *
 *   H_i⁰ = x⁰;  x⁺ = x − γ g;  downlink C_i(x⁺ − H_i), a different message for each worker;  x̂_i = H_i + C_i(x⁺ − H_i)
 *   H_i⁺ = H_i + α C_i(x⁺ − H_i);  g = h + (1/n) Σ Q_i(∇f_i(x̂_i) − h_i), h_i and h as in MCM
 *
 * The server keeps all H_i, n·d numbers. α as in MCM, γ with L_max in place of L_f, for convex f_i (docs/methods.md): worst-case, with
 * no credit for perturbations that average out. Parameters: `alpha`, `memory`.
 */
export const randMcm = defineMethod({
  name: 'rand-mcm',
  summary: 'as mcm, with a different message and a memory for each worker down',
  coins: 0,
  description: {
    paper: 'MCM (Philippenko, Dieuleveut, NeurIPS 2021)',
    algorithm: 'Rand-MCM',
    theorem:
      'convex functions, up to a floor or with memory=true: a proof of its own (docs/methods.md, "Step sizes of compression both ways")',
    downlink: 'C_i(x⁺ − H_i), a different message for each worker',
    uplink: 'Q_i(∇f_i(x̂_i)); with memory=true Q_i(∇f_i(x̂_i) − h_i)',
    stepSize:
      '1/(L_max (1 + 2√(ω_P(1 + 2/α)/α)) + 4A(1 + √(2ω_P)) L_max), 8A with memory=true; A = ω_D/n if independent',
    parameters: mcmParameterTexts,
  },
  uplink: 'rand-k:k=d/n',
  downlink: 'rand-k:k=d/n',
  stochastic: 'gradients',
  parameters: mcmParameters,
  traffic: () => ({ uplink: { compressed: 1 }, downlink: { compressed: 1 } }),
  uncovered: ({ downlink: { omega } }, { alpha }) => uncoveredAbove('alpha', alpha, 1 / (1 + omega), '1/(1 + ω_P)'),
  stepSize: (theory, { max }, parameters) => mcmStepSize(theory, max, max, parameters),
  server: {
    init({ start, dimension, zeros, workers }) {
      const memories = zeros(workers * dimension);
      for (let worker = 0; worker < workers; worker++) memories.set(start, worker * dimension);
      return {
        x: start.slice(),
        /** H_1 … H_n, one after the other, as the workers hold them. */
        memories,
        h: zeros(),
        g: zeros(),
        difference: zeros(),
      };
    },
    start: (state, { parameters }, mean) => learnShift(state, parameters.alphaUplink ?? 0, mean),
    plan(state, { stepSize, dimension }) {
      axpy(-stepSize, state.g, state.x);
      const { x, memories, difference } = state;
      return {
        coins: 0,
        downlink(worker) {
          const at = worker * dimension;
          for (let j = 0; j < dimension; j++) difference[j] = x[j] - memories[at + j];
          return { form: 'compressed', vector: difference };
        },
      };
    },
    sentTo({ memories }, { parameters, dimension }, worker, carried) {
      const at = worker * dimension;
      carried.addTo(memories.subarray(at, at + dimension), parameters.alpha);
    },
    step: (state, { parameters }, _plan, mean) => learnShift(state, parameters.alphaUplink ?? 0, mean),
  },
  worker: mcmWorker,
});
