export { describeProblem } from './describe-problem.js';
export type { Offer, ProblemSuiteOptions } from './suite-options.js';
