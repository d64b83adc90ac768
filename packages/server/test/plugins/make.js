import { readFileSync } from 'node:fs';
import { compressors } from '@flotilla/compressors';
import { methods, Spec, UsageError } from '@flotilla/core';

const { dcgd } = methods;
const randK = compressors['rand-k'];

/**
 * A plug-in whose entries are all called `mine`: f_i(x) = ½‖x − c t‖² with targets t from the file that `data` names, a start
 * of its own, DCGD, and a RandK of `kept` coordinates.
 * @param {number} c
 * @param {number} kept
 */
export function makePlugin(c, kept) {
  /** @type {import('@flotilla/core').ProblemFamily<{ target: Float64Array }>} */
  const problem = {
    name: 'mine',
    summary: 'distance from a target',
    data: 'instance',
    init: 'problem',
    stepSize: () => '0.5',
    checkData({ data }) {
      if (data === undefined) throw new UsageError('problem mine needs data');
    },
    async load(_spec, { data }) {
      const list = JSON.parse(readFileSync(/** @type {string} */ (data), 'utf8'));
      const target = new Float64Array(new SharedArrayBuffer(8 * list.length));
      target.set(list);
      return { shared: { target }, source: 'a target', split: 'none', samples: list.length };
    },
    create(spec, { target }) {
      spec.rejectUnknown();
      return {
        dimension: target.length,
        start: () => target.map((v) => 2 * c * v),
        oracle: () => ({
          smoothness: 1,
          gradient(x, out) {
            let squares = 0;
            for (let j = 0; j < x.length; j++) {
              out[j] = x[j] - c * target[j];
              squares += out[j] * out[j];
            }
            return 0.5 * squares;
          },
        }),
      };
    },
  };
  return {
    problems: { mine: problem },
    methods: { mine: { ...dcgd, name: 'mine', uplink: 'mine' } },
    compressors: {
      mine: {
        /** @type {Extract<import('@flotilla/compressors').CompressorEntry, { selector: unknown }>['selector']} */
        selector: (_spec, env) => {
          if (!('selector' in randK)) throw new Error('rand-k selects');
          return randK.selector(Spec.parse('compressor', `rand-k:k=${kept}`), env);
        },
      },
    },
  };
}
