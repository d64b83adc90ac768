// The door for tests: suites that an implementation of a contract runs, and a clock for tests that wait.
export { describeTransport, type OpenTransport, type OpenTransportFunction } from './describe-transport.js';
export { createEchoHost, type EchoOrder } from './echo-host.js';
export { SimulatedRuntime } from './simulated-runtime.js';
