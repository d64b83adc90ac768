import { answerAt } from './tcp.js';

answerAt(Number(process.argv[2]), Number(process.argv[3]));
