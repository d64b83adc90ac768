import { defineConfig } from 'vitest/config';
import short from './vitest.config.js';

/** `pnpm test:long`: many seeds, 100,000 rounds, whole data sets, fuzzing. */
export default defineConfig({
  test: {
    ...short.test,
    include: ['packages/*/test/**/*.long.test.ts', 'test/**/*.long.test.ts'],
    exclude: ['**/node_modules/**'],
    testTimeout: 900_000,
  },
});
