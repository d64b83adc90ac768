import { makePlugin } from './make.js';

export default makePlugin(1, 2);
