import { writeFileSync } from 'node:fs';
import { defineProblem } from '@flotilla/core';

/** ½ c_i‖x − i‖², of which worker 0's thread ends with its `life`-th gradient; 0: never. The file `epitaph`, if one is named, says when. */
export default defineProblem({
  name: 'soak',
  parameters: { d: 112, life: 0, epitaph: '' },
  stepSize: 0.1,
  dimension: ({ parameters: { d } }) => d,
  prepare: ({ parameters: { life, epitaph }, worker }) => ({ worker, epitaph, left: worker === 0 ? life : 0 }),
  gradient(own, x, out) {
    if (own.left > 0 && --own.left === 0) {
      if (own.epitaph !== '') writeFileSync(own.epitaph, `${Date.now()}`, { flag: 'wx' });
      process.exit();
    }
    const c = 1 + (own.worker % 3) / 4;
    let sum = 0;
    for (let j = 0; j < x.length; j++) {
      const difference = (x[j] as number) - own.worker;
      out[j] = c * difference;
      sum += 0.5 * c * difference * difference;
    }
    return sum;
  },
});
