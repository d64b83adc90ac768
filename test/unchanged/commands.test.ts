import { compareGroup } from './compare.js';

compareGroup('commands');
