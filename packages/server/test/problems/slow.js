import { defineProblem } from '@flotilla/core';

/**
 * ½‖x − i‖², a gradient of which takes `naps` times 20 ms, of all workers or of one. In naps, so that a process that is stopped has most of them left
 * when it goes on.
 */
export default defineProblem({
  name: 'slow',
  parameters: { naps: 50, who: -1 },
  stepSize: 0.1,
  dimension: () => 5,
  prepare: ({ parameters, worker }) => ({ ...parameters, own: worker, word: new Int32Array(new SharedArrayBuffer(4)) }),
  gradient({ naps, who, own, word }, x, out) {
    for (let k = 0; k < naps && (who === -1 || who === own); k++) Atomics.wait(word, 0, 0, 20);
    let sum = 0;
    for (let j = 0; j < x.length; j++) {
      out[j] = x[j] - own;
      sum += 0.5 * (x[j] - own) ** 2;
    }
    return sum;
  },
});
