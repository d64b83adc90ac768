import { gdServer } from './gd.js';
import { defineMethod } from './method.js';

/**
 * Distributed compressed gradient descent, also called QGD [Alistarh et al. 2017; Khirirat, Feyzmahdavian, Johansson 2018].
 *
 *   x⁺ = x − γ (1/n) Σ Q_i(∇f_i(x))
 *
 * Where the workers' functions differ it does not converge: Q's variance at a solution is ω‖∇f_i(x*)‖², so the iterates
 * stall at a floor that shrinks with γ. That is what the methods with shifts and differences are for. Step size:
 * γ = 1/(L(1 + 2A)), L = max L_i, A = ω/n for independent Q_i, which is safe for convex f_i: E‖g‖² ≤ ‖∇f(x)‖² + A (1/n) Σ‖∇f_i(x)‖²,
 * of which 2L(1 + 2A)(f(x) − f*) is what shrinks with f(x) − f*.
 */
export const dcgd = defineMethod({
  name: 'dcgd',
  summary: 'compressed gradients up; stalls at a floor where functions differ',
  coins: 0,
  description: {
    paper: 'QSGD (NeurIPS 2017); Khirirat, Feyzmahdavian, Johansson (2018)',
    algorithm: 'compressed gradient descent',
    theorem: 'convex functions: a γ that is safe, up to the floor',
    downlink: 'x dense',
    uplink: 'Q_i(∇f_i(x))',
    stepSize: '1/(L_max (1 + 2A)); A = ω/n if independent',
    parameters: {},
  },
  uplink: 'rand-k:k=d/n',
  downlink: undefined,
  stochastic: 'gradients',
  parameters: () => ({}),
  traffic: () => ({ uplink: { compressed: 1 }, downlink: { dense: 1 } }),
  stepSize: ({ uplink: { A } }, { max }) => 1 / (max * (1 + 2 * A)),
  server: gdServer,
  worker: {
    init: ({ zeros }) => ({ x: zeros(), gradient: zeros() }),
    round(state, _context, incoming, local) {
      incoming.copyTo(state.x);
      local.gradient(state.x, state.gradient);
      return { form: 'compressed', vector: state.gradient };
    },
  },
});
