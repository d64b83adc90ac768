import { compareGroup } from './compare.js';

compareGroup('runs', (id) => /\/seed (0|seven)\//.test(id));
