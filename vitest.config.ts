import { defineConfig } from 'vitest/config';

const { FLOTILLA_TEST_REPORT, FLOTILLA_COVERAGE } = process.env;

/** `pnpm test`: everything that is quick. What takes long is in *.long.test.ts, for vitest.long.config.ts. */
export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'examples/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/*.long.test.ts'],
    // tests run what `tsc -b` built, because worker threads need compiled entries
    pool: 'forks',
    testTimeout: 120_000,
    // runs bring threads of their own: two at a time fill two cores
    maxWorkers: 2,
    // .ci/run takes its counts from the report
    reporters: ['default', ['json', { outputFile: FLOTILLA_TEST_REPORT ?? 'node_modules/.test-report.json' }]],
    // of the tests' own processes: what runs in threads and commands that they start is not seen
    coverage: {
      enabled: FLOTILLA_COVERAGE !== undefined,
      provider: 'v8',
      include: ['packages/{core,compressors,protocol,worker,server}/dist/**/*.js'],
      exclude: ['packages/*/dist/testing/**', 'packages/worker/dist/thread-bundle.js'],
      reporter: ['json-summary'],
      reportOnFailure: true,
      reportsDirectory: FLOTILLA_COVERAGE,
    },
  },
});
