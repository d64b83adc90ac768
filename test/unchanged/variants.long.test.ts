import { compareGroup } from './compare.js';

compareGroup('variants');
