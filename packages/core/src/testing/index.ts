export { describeProblem, type Offer, type ProblemSuiteOptions } from './describe-problem.js';
