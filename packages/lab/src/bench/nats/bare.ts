import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Runtime } from '@flotilla/core';
import { connectNats } from '@flotilla/protocol/nats';
import { Arrival, timeRounds } from './time-rounds.js';

// What a broker takes for the messages of a round, with nothing computed and nothing coded: one message for all processes, and from
// each of them those of its workers, in one where it is short enough. One thread each.

const PIECE_BYTES = 512 << 10;

function publish(wire: Awaited<ReturnType<typeof connectNats>>, subject: string, message: Uint8Array): void {
  for (let at = 0; at < message.length; at += PIECE_BYTES) {
    wire.publish(subject, message.subarray(at, at + PIECE_BYTES));
  }
}

/** Milliseconds a round, one for each. */
export async function bareRounds(
  url: string,
  { workers, processes, bytes, rounds }: { workers: number; processes: number; bytes: number; rounds: number },
  runtime: Runtime,
): Promise<number[]> {
  const wire = await connectNats({ url }, 'bare');
  const arrival = new Arrival();
  wire.subscribe('bare.up.*', (_, { length }) => arrival.took(length));
  const peer = fileURLToPath(new URL('./bare-peer.js', import.meta.url));
  const answer = (workers / processes) * bytes;
  const peers = Array.from({ length: processes }, (_, k) => fork(peer, [url, `${k}`, `${bytes}`, `${answer}`]));
  await Promise.all(peers.map((one) => once(one, 'message')));
  const message = Buffer.alloc(bytes, 1);
  const times = await timeRounds(rounds, workers * bytes, arrival, () => publish(wire, 'bare.all', message), runtime);
  for (const one of peers) one.disconnect();
  await wire.close();
  await Promise.all(peers.map((one) => one.exitCode === null && once(one, 'exit')));
  return times;
}

/** A peer: answers once `bytes` are there. */
export async function answerOver(url: string, peer: string, bytes: number, answer: number): Promise<void> {
  const wire = await connectNats({ url }, `bare ${peer}`);
  const message = Buffer.alloc(answer, 2);
  let got = 0;
  wire.subscribe('bare.all', (_, { length }) => {
    got += length;
    if (got < bytes) return;
    got -= bytes;
    publish(wire, `bare.up.${peer}`, message);
  });
  // a broker answers in order: who is answered has subscribed
  const ready = `bare.ready.${peer}`;
  wire.subscribe(ready, () => process.send?.('ready'));
  wire.publish(ready, message.subarray(0, 1));
  process.on('disconnect', () => process.exit());
}
