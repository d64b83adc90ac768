import { axpy } from '../vector.js';
import { uniformBound } from './bound.js';
import { defineMethod, type ServerHalf, type ServerState } from './method.js';

/** The server of gradient descent: sends x and steps along the mean of what comes back. */
export const gdServer: ServerHalf<ServerState, object> = {
  init: ({ start }) => ({ x: start.slice() }),
  plan: (state) => ({ coins: 0, downlink: { form: 'dense', vector: state.x } }),
  sent: (state, _context, carried) => carried.copyTo(state.x),
  step: (state, { stepSize }, _plan, mean) => axpy(-stepSize, mean, state.x),
};

/**
 * Gradient descent: x⁺ = x − γ (1/n) Σ ∇f_i(x), γ = 1/L.
 *
 * Downlink: x dense. Uplink: ∇f_i(x) dense. The server goes on from the x it sent, as the wire rounded it.
 */
export const gd = defineMethod({
  name: 'gd',
  summary: 'gradient descent, dense both ways',
  coins: 0,
  description: {
    paper: 'the baseline',
    algorithm: 'gradient descent',
    theorem: 'γ = 1/L, the classical bound',
    downlink: 'x dense',
    uplink: '∇f_i(x) dense',
    stepSize: '1/L_f',
    parameters: {},
  },
  uplink: undefined,
  downlink: undefined,
  stochastic: 'gradients',
  parameters: () => ({}),
  traffic: () => ({ uplink: { dense: 1 }, downlink: { dense: 1 } }),
  stepSize: (_theory, smoothness) => 1 / smoothness.f,
  bound: uniformBound,
  server: gdServer,
  worker: {
    init: ({ zeros }) => ({ x: zeros(), gradient: zeros() }),
    round(state, _context, incoming, local) {
      incoming.copyTo(state.x);
      local.gradient(state.x, state.gradient);
      return { form: 'dense', vector: state.gradient };
    },
  },
});
