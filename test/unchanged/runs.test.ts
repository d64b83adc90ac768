import { compareGroup } from './compare.js';

// the other seeds are in the long suite
compareGroup('runs', (id) => !/\/seed (0|seven)\//.test(id));
