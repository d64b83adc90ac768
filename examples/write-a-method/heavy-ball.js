import { addScaled, axpy, defineMethod, methods } from '@flotilla/core';

const { dcgd } = methods;

/**
 * Compressed gradient descent with Polyak's heavy ball on the server: v⁺ = βv + (1/n) Σ Q_i(∇f_i(x)), x⁺ = x − γv⁺. The
 * worker's half is that of `dcgd`.
 */
const heavyBall = defineMethod({
  ...dcgd,
  name: 'heavy-ball',
  summary: 'compressed gradients up, momentum on the server',
  description: {
    ...dcgd.description,
    algorithm: 'compressed gradient descent with a heavy ball',
    theorem: 'tuned; the step size of dcgd times 1 − β',
    stepSize: '(1 − β)/(L_max (1 + 2ω/n))',
    parameters: { beta: 'β, momentum: 0.5' },
  },
  parameters: (spec) => ({ beta: spec.number('beta', 0, 0.999) ?? 0.5 }),
  stepSize: (theory, smoothness, { beta }) => (1 - beta) * dcgd.stepSize(theory, smoothness, {}),
  server: {
    init: ({ start, zeros }) => ({ x: start.slice(), v: zeros() }),
    plan: (state) => ({ coins: 0, downlink: { form: 'dense', vector: state.x } }),
    sent: (state, _context, carried) => carried.copyTo(state.x),
    step({ x, v }, { stepSize, parameters: { beta } }, _plan, mean) {
      addScaled(mean, beta, v, v);
      axpy(-stepSize, v, x);
    },
  },
});

export default { methods: { 'heavy-ball': heavyBall } };
