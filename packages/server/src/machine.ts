import { type Runtime, systemRuntime } from '@flotilla/core';
import { type Disk, systemDisk } from '@flotilla/core/internal';
import { startHosts } from './hosts/registry.js';

/** What a run has of the machine that it is on: its time, its disk, and the threads of its workers. A simulation has its own. */
export interface Machine {
  readonly runtime: Runtime;
  readonly disk: Disk;
  readonly startHosts: typeof startHosts;
}

export const systemMachine: Machine = { runtime: systemRuntime, disk: systemDisk, startHosts };
