import { makePlugin } from './make.js';

export default makePlugin(-3, 4);
