import type { HostEnd } from '../dist/transport/transport.js';

export function stamp(frame: Uint8Array, worker: number, sequence: number, out: Uint8Array): void;
export function burst(worker: number, k: number, length: number): Uint8Array;
export function createEchoHost(end: HostEnd): () => void;
