import { fork } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Runtime } from '@flotilla/core';
import { Arrival, timeRounds } from './time-rounds.js';

// What plain sockets take for the messages of a round, with nothing computed and nothing coded: n messages of `bytes` down, in one
// write for each of H processes, and n back.

/** Milliseconds a round, one for each. */
export async function tcpRounds(
  { workers, processes, bytes, rounds }: { workers: number; processes: number; bytes: number; rounds: number },
  runtime: Runtime,
): Promise<number[]> {
  const sockets: Socket[] = [];
  const arrival = new Arrival();
  let connected = () => {};
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    sockets.push(socket);
    socket.on('data', ({ length }) => arrival.took(length));
    if (sockets.length === processes) connected();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const hosted = workers / processes;
  const all = new Promise<void>((resolve) => {
    connected = resolve;
  });
  const peer = fileURLToPath(new URL('./tcp-peer.js', import.meta.url));
  const peers = Array.from({ length: processes }, () => fork(peer, [`${port}`, `${hosted * bytes}`]));
  await all;
  const message = Buffer.alloc(hosted * bytes, 1);
  const send = () => {
    for (const socket of sockets) socket.write(message);
  };
  const times = await timeRounds(rounds, workers * bytes, arrival, send, runtime);
  for (const socket of sockets) socket.destroy();
  server.close();
  await Promise.all(peers.map((one) => one.exitCode === null && once(one, 'exit')));
  return times;
}

/** A peer: answers as many bytes as it is sent, once they are all there. */
export function answerAt(port: number, bytes: number): void {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  const message = Buffer.alloc(bytes, 2);
  let got = 0;
  socket.on('data', ({ length }) => {
    got += length;
    if (got < bytes) return;
    got -= bytes;
    socket.write(message);
  });
  socket.on('close', () => process.exit());
  socket.on('error', () => process.exit());
}
