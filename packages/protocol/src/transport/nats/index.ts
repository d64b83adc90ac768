export { BridgeEnd } from '../threads/bridge-end.js';
export type { NatsOptions } from './address.js';
export { connectNats } from './connect.js';
export { hostOf, markOf, roomForLarge, withHost, withoutHost } from './handover.js';
export type { Identity, Offer } from './handshake.js';
export { HostBridge, type HostBridgeOptions, type LocalWorkers, type Prepared } from './host-bridge.js';
export { type HostRange, ServerBridge } from './server-bridge.js';
export { TRAFFIC_VALUES, type Traffic, trafficIn } from './traffic.js';
export type { Wire, WireStatus } from './wire.js';
