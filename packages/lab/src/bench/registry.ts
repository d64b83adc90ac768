import type { Bench } from './bench.js';
import { checksum } from './checksum.js';
import { compressors } from './compressors.js';
import { embed } from './embed.js';
import { links } from './links.js';
import { methodsBench } from './methods.js';
import { methodsTable } from './methods-table/methods-table.js';
import { nats } from './nats/nats.js';
import { recovery } from './recovery.js';
import { scale } from './scale.js';
import { soak } from './soak.js';
import { speed } from './speed.js';
import { wallclock } from './wallclock/wallclock.js';

/** Every bench there is, by name. */
export const benches: Readonly<Record<string, Bench>> = {
  checksum,
  compressors,
  embed,
  links,
  methods: methodsBench,
  'methods-table': methodsTable,
  nats,
  recovery,
  scale,
  soak,
  speed,
  wallclock,
};
