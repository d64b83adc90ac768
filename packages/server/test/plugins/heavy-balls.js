import { addScaled, axpy, defineMethod, methods } from '@flotilla/core';

const { dcgd } = methods;

/**
 * DCGD with a heavy ball, v⁺ = βv + the mean, which knows of no support. @param {string} name
 * @param {boolean} inPlace Whether v⁺ is computed where the mean is.
 */
const heavyBall = (name, inPlace) =>
  defineMethod({
    ...dcgd,
    name,
    parameters: () => ({ beta: 0.5 }),
    server: {
      init: ({ start, zeros }) => ({ x: start.slice(), v: zeros() }),
      plan: (state) => ({ coins: 0, downlink: { form: 'dense', vector: state.x } }),
      sent: (state, _context, carried) => carried.copyTo(state.x),
      step({ x, v }, { stepSize, parameters: { beta } }, _plan, mean) {
        if (inPlace) {
          axpy(beta, v, mean);
          v.set(mean);
        } else addScaled(mean, beta, v, v);
        axpy(-stepSize, v, x);
      },
    },
  });

export default { methods: { beside: heavyBall('beside', false), 'in-place': heavyBall('in-place', true) } };
