import { SharedDraws } from '@flotilla/core/internal';
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
      // the server and the workers draw the same
      const draws = SharedDraws.memory(plan.dimension + workers);
      let host: WorkerHost | undefined;
      const decorated = (end: HostEnd) => {
        const linked = stamped ? linkHostEnd(end, links, runtime) : end;
        return checksumRun === undefined ? linked : checksumHostEnd(linked, { run: checksumRun, workers, attempt });
      };
      const plain = createLoopback(
        workers,
        (end) => {
          const own = new WorkerHost(end, { problemData, start, computeSeconds, draws }, registries, runtime);
          host = own;
          // where frames carry times, all workers begin at once
          return stamped ? () => own.step() : own.step.bind(own);
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
        draws,
        runtime,
        failure: () => undefined,
        close: async () => plain.close(),
      };
    },
    close: async () => {},
  }),
};
