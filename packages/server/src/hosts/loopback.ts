import { checksumHostEnd, createLoopback, type HostEnd, linkHostEnd, linkServerEnd } from '@flotilla/protocol';
import { WorkerHost } from '@flotilla/worker';
import type { Transport } from './fleet.js';
import { isStamped } from './stamped.js';

/** All workers on the calling thread, which work while the server waits for them. */
export const loopback: Transport = {
  start: ({ workers }, runtime) => ({
    open(plan, attempt, computeSeconds) {
      const { links, problemData, start, registries, checksumRun } = plan;
      const stamped = isStamped(plan);
      let host: WorkerHost | undefined;
      const decorated = (end: HostEnd) => {
        const linked = stamped ? linkHostEnd(end, links, runtime) : end;
        return checksumRun === undefined ? linked : checksumHostEnd(linked, { run: checksumRun, workers, attempt });
      };
      const plain = createLoopback(
        workers,
        (end) => {
          const own = new WorkerHost(end, { problemData, start, computeSeconds }, registries, runtime);
          host = own;
          return () => own.step();
        },
        runtime,
        decorated,
      );
      const linked = stamped ? linkServerEnd(plain, runtime) : undefined;
      return {
        transport: linked ?? plain,
        linked,
        threads: 1,
        host,
        runtime,
        failure: () => undefined,
        close: async () => plain.close(),
      };
    },
    close: async () => {},
  }),
};
