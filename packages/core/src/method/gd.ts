import { axpy } from '../vector.js';
import { defineMethod } from './method.js';

/**
 * Gradient descent: x⁺ = x − γ (1/n) Σ ∇f_i(x), γ = 1/L.
 *
 * Downlink: x dense. Uplink: ∇f_i(x) dense. The server goes on from the x it sent, as the wire rounded it.
 */
export const gd = defineMethod({
  name: 'gd',
  summary: 'gradient descent, dense both ways',
  reference: 'baseline',
  uplink: undefined,
  downlink: undefined,
  parameters: () => ({}),
  stepSize: (_theory, smoothness) => 1 / smoothness.f,
  server: {
    init: ({ start }) => ({ x: start.slice() }),
    plan: (state) => ({ coins: 0, downlink: { form: 'dense', vector: state.x } }),
    sent: (state, _context, carried) => carried.copyTo(state.x),
    step: (state, { constants }, _plan, mean) => axpy(-constants.stepSize, mean, state.x),
  },
  worker: {
    init: ({ dimension }) => ({ x: new Float64Array(dimension), gradient: new Float64Array(dimension) }),
    round(state, _context, incoming, gradient) {
      incoming.copyTo(state.x);
      gradient(state.x, state.gradient);
      return { form: 'dense', vector: state.gradient };
    },
  },
});
