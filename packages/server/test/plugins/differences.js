/**
 * f_i(x) = Σ (x_j − sin(i + j))² + ½ x_j x_{j+1}, with a gradient by central differences that are taken in place: x is what it was
 * when it returns.
 * @type {import('@flotilla/core').ProblemFamily}
 */
const differences = {
  name: 'differences',
  summary: 'central differences',
  data: 'none',
  init: 'zeros',
  stepSize: () => '0.01',
  create: () => ({
    dimension: 400,
    oracle(worker) {
      /** @param {Float64Array} x */
      const f = (x) => x.reduce((sum, v, j) => sum + (v - Math.sin(worker + j)) ** 2 + (v * (x[j + 1] ?? 0)) / 2, 0);
      return {
        smoothness: 3,
        gradient(x, out) {
          for (let j = 0; j < x.length; j++) {
            const own = x[j];
            x[j] = own + 1e-4;
            const right = f(x);
            x[j] = own - 1e-4;
            out[j] = (right - f(x)) / 2e-4;
            x[j] = own;
          }
          return f(x);
        },
      };
    },
  }),
};

export default { problems: { differences } };
