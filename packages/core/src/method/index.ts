import { dcgd } from './dcgd.js';
import { diana } from './diana.js';
import { gd } from './gd.js';
import { m3 } from './m3.js';
import { marina } from './marina.js';
import { marinaP } from './marina-p.js';
import type { Method } from './method.js';

/** Every method there is, by name. */
export const methods: Readonly<Record<string, Method>> = {
  gd,
  dcgd,
  diana,
  marina,
  'marina-p': marinaP,
  m3,
};
