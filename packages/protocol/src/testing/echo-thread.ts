import { workerData } from 'node:worker_threads';
import { systemRuntime } from '@flotilla/core';
import type { Links } from '../network/link.js';
import { linkHostEnd } from '../network/paced.js';
import type { ThreadAttachment } from '../transport/threads/attachment.js';
import { openThreadEnd } from '../transport/threads/host-end.js';
import { createEchoHost } from './echo-host.js';

// Entry of a thread with an echo host at its end of the shared-memory transport.

/** What the thread is started with, as its workerData. */
export interface EchoThreadData {
  readonly attachment: ThreadAttachment;
  /** Present when its end is stamped, with its links when they are paced. */
  readonly linked: { readonly links: Links | undefined } | undefined;
}

/** Longest wait: longer than any test, so that a thread that is not woken is noticed. */
const WAIT_MS = 120_000;

const { attachment, linked } = workerData as EchoThreadData;
const opened = openThreadEnd(attachment, systemRuntime);
const end = linked === undefined ? opened : linkHostEnd(opened, linked.links, systemRuntime);
const step = createEchoHost(end, systemRuntime);
while (end.wait(WAIT_MS)) step();
attachment.port.close();
