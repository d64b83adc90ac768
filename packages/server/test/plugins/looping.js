import { writeFileSync } from 'node:fs';
import { methods } from '@flotilla/core';

const { dcgd } = methods;

/** DCGD whose server never comes back from the plan of round 20: it leaves the file that LOOPING_MARKER names before. */
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
          for (;;);
        },
      },
    },
  },
};
