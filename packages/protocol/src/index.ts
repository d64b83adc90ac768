export { CompressorError, type Direction, ProtocolError, type Wire } from '@flotilla/compressors';
export { Boundary, type BoundaryOptions, openBoundaries } from './boundary.js';
export {
  CHECKSUM_BYTES,
  checksumHostEnd,
  checksumServerEnd,
  type HostSeal,
  runNumber,
} from './checksum.js';
export { type Control, type Job, packControl, unpackControl } from './control.js';
export {
  checkDue,
  FIRST_EXCHANGE,
  FrameKind,
  floatsIn,
  HEADER_BYTES,
  type Header,
  NO_ROUND,
  putFloats,
  readHeader,
  WIRE_VERSION,
  writeHeader,
} from './frame.js';
export { Ledger, MESSAGE_KINDS, type MessageKind, type Tally } from './ledger.js';
export {
  type LinkModelSpec,
  type LinkSpec,
  linksOf,
  parseLink,
  parseLinkModel,
  type Share,
} from './network/grammar.js';
export type { Links } from './network/link.js';
export { type LinkedServerEnd, linkHostEnd, linkServerEnd, STAMP_BYTES } from './network/paced.js';
export { type ModelledServerEnd, modelLinks } from './network/virtual.js';
export { type EncodedState, encodeState, packState, type StateSource, unpackState } from './state-codec.js';
export { createLoopback } from './transport/loopback.js';
export { checkNats, type NatsOptions } from './transport/nats/address.js';
export { subjectsOf } from './transport/nats/subjects.js';
export { shareOf, type ThreadAttachment } from './transport/threads/attachment.js';
export { openThreadEnd } from './transport/threads/host-end.js';
export {
  createThreadTransport,
  type MovableServerEnd,
  type OwnTimes,
  type Serve,
  type ThreadTransport,
} from './transport/threads/server-end.js';
export type { HostEnd, ServerEnd } from './transport/transport.js';
