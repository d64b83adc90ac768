import { availableParallelism, cpus, release, totalmem } from 'node:os';

/** The machine a measurement was made on, in one line. */
export function machine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  const memory = Math.round(totalmem() / 1e9);
  return `${availableParallelism()} cores of ${model}, ${memory} GB, ${process.platform} ${release()}, Node ${process.versions.node}`;
}
