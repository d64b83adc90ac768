import { dcgd } from './dcgd.js';
import { diana } from './diana.js';
import { ef21P } from './ef21-p.js';
import { ef21PDcgd } from './ef21-p-dcgd.js';
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
  'ef21-p': ef21P,
  'ef21-p-dcgd': ef21PDcgd,
};
