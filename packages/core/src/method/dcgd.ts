import { gdServer } from './gd.js';
import { defineMethod } from './method.js';

/**
 * Distributed compressed gradient descent, also called QGD [Alistarh et al. 2017; Khirirat, Feyzmahdavian, Johansson 2018].
 *
 *   x⁺ = x − γ (1/n) Σ Q_i(∇f_i(x))
 *
 * Where the workers' functions differ it does not converge: Q's variance at a solution is ω‖∇f_i(x*)‖², so the iterates
 * stall at a floor that shrinks with γ. That is what the methods with shifts and differences are for. Step size:
 * γ = 1/(L(1 + 2ω/n)), L = max L_i, which is safe under strong convexity.
 */
export const dcgd = defineMethod({
  name: 'dcgd',
  summary: 'compressed gradients up; stalls at a floor where functions differ',
  description: {
    paper: 'QSGD (NeurIPS 2017); Khirirat, Feyzmahdavian, Johansson (2018)',
    algorithm: 'compressed gradient descent',
    theorem: 'strongly convex: the largest γ that is safe near the solution',
    downlink: 'x dense',
    uplink: 'Q_i(∇f_i(x))',
    stepSize: '1/(L_max (1 + 2ω/n))',
    parameters: {},
  },
  uplink: 'rand-k:k=d/n',
  downlink: undefined,
  stochastic: 'gradients',
  parameters: () => ({}),
  traffic: () => ({ uplink: { compressed: 1 }, downlink: { dense: 1 } }),
  stepSize: ({ workers, uplink }, { max }) => 1 / (max * (1 + (2 * uplink.omega) / workers)),
  server: gdServer,
  worker: {
    init: ({ dimension }) => ({ x: new Float64Array(dimension), gradient: new Float64Array(dimension) }),
    round(state, _context, incoming, local) {
      incoming.copyTo(state.x);
      local.gradient(state.x, state.gradient);
      return { form: 'compressed', vector: state.gradient };
    },
  },
});
