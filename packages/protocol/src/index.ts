export { CompressorError, type Direction, ProtocolError, type Wire } from '@flotilla/compressors';
export { Boundary, type BoundaryOptions } from './boundary.js';
export { type Control, type Job, packControl, unpackControl } from './control.js';
export { FrameKind, HEADER_BYTES, type Header, readHeader, WIRE_VERSION, writeHeader } from './frame.js';
export { Ledger, MESSAGE_KINDS, type MessageKind, type Tally } from './ledger.js';
export {
  type LinkModelSpec,
  type LinkSpec,
  type Links,
  linksOf,
  parseLink,
  parseLinkModel,
  type Share,
} from './transport/link.js';
export { LinkModel } from './transport/link-model.js';
export {
  awaitArrivals,
  type LinkedHostEnd,
  type LinkedServerEnd,
  linkHostEnd,
  linkServerEnd,
  STAMP_BYTES,
} from './transport/linked.js';
export { createLoopback } from './transport/loopback.js';
export {
  createThreadTransport,
  openThreadEnd,
  type ThreadAttachment,
  type ThreadTransport,
} from './transport/threads.js';
export type { HostEnd, ServerEnd } from './transport/transport.js';
