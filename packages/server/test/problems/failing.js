import { defineProblem } from '@flotilla/core';

/** ½‖x − 1‖² in two dimensions, until the part that `where` names throws. */
export default defineProblem({
  name: 'failing',
  parameters: { where: 'nowhere', worker: 2, calls: 5, long: false },
  stepSize: 0.5,
  load({ parameters: { where } }) {
    if (where === 'load') fail();
    return {};
  },
  dimension({ parameters: { where } }) {
    if (where === 'dimension') fail();
    return 2;
  },
  start({ parameters: { where } }) {
    if (where === 'start') fail();
    return where === 'short-start' ? new Float64Array(1) : new Float64Array(2);
  },
  prepare({ parameters, worker }) {
    if (parameters.where === 'prepare' && worker === parameters.worker) fail();
    return { ...parameters, own: worker, made: 0 };
  },
  gradient(own, x, out) {
    own.made++;
    if (own.own === own.worker && own.made > own.calls) {
      if (own.where === 'gradient') fail(own.long);
      if (own.where === 'text') throw 'only a text';
      if (own.where === 'nothing') return /** @type {number} */ (/** @type {unknown} */ (undefined));
    }
    let sum = 0;
    for (let j = 0; j < x.length; j++) {
      out[j] = x[j] - 1;
      sum += 0.5 * out[j] ** 2;
    }
    return sum;
  },
});

function fail(long = false) {
  throw new RangeError(long ? 'long '.repeat(500_000) : 'the sheep are out');
}
