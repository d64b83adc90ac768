import { systemRuntime } from '@flotilla/core';
import { type Links, linkHostEnd, openThreadEnd, type ThreadAttachment } from '@flotilla/protocol';

/** What an echo is started with. */
export interface EchoTask {
  readonly attachment: ThreadAttachment;
  readonly links: Links;
}

/** Thread entry: workers that answer every frame with itself, until the server closes. */
export default function echo({ attachment, links }: EchoTask): void {
  const end = linkHostEnd(openThreadEnd(attachment, systemRuntime), links, systemRuntime);
  while (end.wait(1000)) {
    for (const worker of end.workers) {
      for (let frame = end.take(worker); frame !== undefined; frame = end.take(worker)) {
        end.claim(worker, frame.length).set(frame);
        end.commit(worker, frame.length);
        end.release(worker);
      }
    }
  }
  attachment.port.close();
}
