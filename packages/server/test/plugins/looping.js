import { writeFileSync } from 'node:fs';
import { methods } from '@flotilla/core';

const { dcgd } = methods;

/**
 * DCGD whose server never comes back from the plan of round 20: it loops, or comes to the end that LOOPING_END names. It leaves the
 * file that LOOPING_MARKER names before.
 */
export default {
  methods: {
    looping: {
      ...dcgd,
      name: 'looping',
      server: {
        ...dcgd.server,
        /** @type {typeof dcgd.server.plan} */
        plan(state, context, coin, round) {
          if (round !== 20) return dcgd.server.plan(state, context, coin, round);
          writeFileSync(/** @type {string} */ (process.env.LOOPING_MARKER), '');
          if (process.env.LOOPING_END === 'exit') process.exit(0);
          /** @type {number[][]} */
          const kept = [];
          for (;;) if (process.env.LOOPING_END === 'heap') kept.push(new Array(1e6).fill(kept.length));
        },
      },
    },
  },
};
