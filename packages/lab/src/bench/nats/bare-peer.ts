import { answerOver } from './bare.js';

const [, , url = '', peer = '', bytes, answer] = process.argv;
await answerOver(url, peer, Number(bytes), Number(answer));
