import { compareGroup } from './compare.js';

// each is a process of its own: the others are in the long suite
compareGroup('commands', (_, k) => k % 3 === 0);
