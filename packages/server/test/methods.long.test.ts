import { describeMethod } from '../dist/testing/describe-method.js';
import { suites } from './method-suites.js';

// every method in both precisions, and with ten times the seeds of the short suite: a bias a third as large is seen
for (const [spec, suite] of Object.entries(suites)) describeMethod(spec, { ...suite, seeds: 600 });
