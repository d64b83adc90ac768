import { compareGroup } from './compare.js';

compareGroup('runs');
