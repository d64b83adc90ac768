// @ts-check
import { train } from '@flotilla/server';

const rounds = Number(process.argv[2] ?? 50);
const interrupt = new AbortController();
process.once('SIGINT', () => interrupt.abort());

/** @param {number} bytes */
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(2).padStart(8)} MB`;

try {
  // the parameter server and its 20 workers run in threads of their own; this thread only reads what they report
  const run = train({
    method: 'm3',
    problem: 'autoencoder',
    data: 'mnist',
    workers: 20,
    rounds,
    evalEvery: Math.max(1, Math.floor(rounds / 5)),
    signal: interrupt.signal,
  });

  for await (const { round, loss, uplink, downlink } of run) {
    const sent = `up ${megabytes(uplink.payloadBytes)}   down ${megabytes(downlink.payloadBytes)}`;
    console.log(`round ${String(round).padStart(4)}   f ${loss.toFixed(3)}   ${sent}`);
  }

  const summary = await run.result;
  const { workers, dimension, uplink, downlink, wallSeconds } = summary;
  // gradient descent sends one dense f32 vector each way to every worker in every round
  const gd = summary.rounds * workers * dimension * Float32Array.BYTES_PER_ELEMENT;
  console.log(`\n${summary.rounds} rounds of ${summary.method}, ${workers} workers, in ${wallSeconds.toFixed(1)} s`);
  for (const [link, { payloadBytes }] of Object.entries({ uplink, downlink })) {
    const fewer = (gd / payloadBytes).toFixed(1);
    console.log(`${link.padEnd(8)}  m3 ${megabytes(payloadBytes)}   gd ${megabytes(gd)}   ${fewer} times fewer`);
  }
} catch (thrown) {
  // match on the code, not on the class; its message is one line that says what is allowed
  const { code = 'internal', message } = /** @type {Error & { code?: string }} */ (thrown);
  console.error(`${code}: ${message}`);
  process.exitCode = code === 'usage' ? 2 : code === 'aborted' ? 130 : 1;
}
