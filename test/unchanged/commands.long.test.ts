import { compareGroup } from './compare.js';

compareGroup('commands', (_, k) => k % 3 !== 0);
