export { describeMethod, type MethodSuiteOptions } from './describe-method.js';
