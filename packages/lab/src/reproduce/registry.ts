import type { Figure, Study } from './figure.js';
import { lowerBoundStudy } from './figures/lower-bound.js';
import { marina1 } from './figures/marina-1.js';
import { marina3 } from './figures/marina-3.js';
import { marina4 } from './figures/marina-4.js';
import { marina5 } from './figures/marina-5.js';
import { marinaP1 } from './figures/marina-p-1.js';
import { marinaP2 } from './figures/marina-p-2.js';
import { marinaP3 } from './figures/marina-p-3.js';
import { marinaP4 } from './figures/marina-p-4.js';
import { marinaP5 } from './figures/marina-p-5.js';
import { marinaP6 } from './figures/marina-p-6.js';

/** Every figure of the two papers that can be reproduced, by name. */
export const figures: Readonly<Record<string, Figure>> = {
  'marina-1': marina1,
  'marina-3': marina3,
  'marina-4': marina4,
  'marina-5': marina5,
  'marina-p-1': marinaP1,
  'marina-p-2': marinaP2,
  'marina-p-3': marinaP3,
  'marina-p-4': marinaP4,
  'marina-p-5': marinaP5,
  'marina-p-6': marinaP6,
};

/** Their theorems that can be watched at work, by name. */
export const studies: Readonly<Record<string, Study>> = { 'lower-bound': lowerBoundStudy };
