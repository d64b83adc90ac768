import type { Registry } from '../spec.js';
import { core } from './core.js';
import { dasha } from './dasha.js';
import { dcgd } from './dcgd.js';
import { diana } from './diana.js';
import { distEfSgd } from './dist-ef-sgd.js';
import { dore } from './dore.js';
import { ef21 } from './ef21.js';
import { ef21Bc } from './ef21-bc.js';
import { ef21P } from './ef21-p.js';
import { ef21PDcgd } from './ef21-p-dcgd.js';
import { ef21PDiana } from './ef21-p-diana.js';
import { gd } from './gd.js';
import { m3 } from './m3.js';
import { marina } from './marina.js';
import { marinaP } from './marina-p.js';
import { mcm } from './mcm.js';
import type { Method } from './method.js';
import { ppMarina } from './pp-marina.js';
import { randMcm } from './rand-mcm.js';
import { vrDiana } from './vr-diana.js';
import { vrMarina } from './vr-marina.js';

/** The built-in methods. */
export const methods: Registry<Method> = Object.freeze({
  gd,
  dcgd,
  diana,
  'vr-diana': vrDiana,
  marina,
  'vr-marina': vrMarina,
  'pp-marina': ppMarina,
  'marina-p': marinaP,
  m3,
  'ef21-p': ef21P,
  'ef21-p-dcgd': ef21PDcgd,
  core,
  ef21,
  dasha,
  'ef21-bc': ef21Bc,
  'ef21-p-diana': ef21PDiana,
  dore,
  mcm,
  'rand-mcm': randMcm,
  'dist-ef-sgd': distEfSgd,
});
