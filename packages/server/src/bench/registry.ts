import type { Bench } from './bench.js';

/** Every bench there is, by name. */
export const benches: Readonly<Record<string, Bench>> = {};
