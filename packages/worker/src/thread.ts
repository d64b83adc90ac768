import type { Attached } from '@flotilla/core';
import { openThreadEnd, type ThreadAttachment } from '@flotilla/protocol';
import { WorkerHost } from './host.js';

/** What a worker thread is started with. */
export interface ThreadTask {
  readonly attachment: ThreadAttachment;
  readonly attached: Attached;
}

/** Longest sleep of a thread with nothing to do, before it looks whether the server has closed. */
const WAIT_MS = 1000;

/** Thread entry: hosts workers until the server closes. Run by piscina as one long task, so it may block. */
export default function serve({ attachment, attached }: ThreadTask): void {
  const end = openThreadEnd(attachment);
  const host = new WorkerHost(end, attached);
  while (end.wait(WAIT_MS)) host.step();
  attachment.port.close();
}
