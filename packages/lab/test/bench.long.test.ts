import { runSmokes, slowSmokes } from './bench-smokes.js';

runSmokes(slowSmokes);
