import { HEADER_BYTES } from '@flotilla/protocol';
import { describe, expect, test } from 'vitest';
import { denseFrameBytes } from '../dist/index.js';
import { train } from '../dist/train.js';
import { openInProcess } from './in-process.js';

const d = 300;
const rounds = 200;

/** Runs `rounds` rounds and returns the ledger with the number of messages of each kind a worker got and sent. */
async function run(options: Record<string, unknown>) {
  const problem = `heterogeneous-quadratic:d=${d}`;
  const { server, fleet } = await openInProcess({ problem, stepSize: 0.1, workers: 7, ...options });
  await server.start();
  for (let k = 0; k < rounds; k++) await server.step();
  const { ledger } = server;
  // the transport counts what it is handed without knowing what it is
  expect(fleet.transport.stats.sentBytes).toBe(ledger.total('downlink').frameBytes);
  expect(fleet.transport.stats.receivedBytes).toBe(ledger.total('uplink').frameBytes);
  expect(ledger.frameBytes.downlink).toBe(ledger.total('downlink').frameBytes);
  return ledger;
}

describe.each([
  ['f32', 4],
  ['f64', 8],
] as const)('bytes by formula, %s wire', (wire, width) => {
  test('m3: PermK down, RandK up', async () => {
    const n = 7;
    const k = Math.floor(d / n);
    const ledger = await run({ method: 'm3', wire });
    const start = { down: ledger.total('downlink', { kind: 'start' }), up: ledger.total('uplink', { kind: 'start' }) };
    expect(start.down).toMatchObject({ messages: n, payloadBytes: 0, frameBytes: n * HEADER_BYTES, coordinates: 0 });
    expect(start.up).toMatchObject({
      messages: n,
      payloadBytes: n * width * d,
      frameBytes: n * (HEADER_BYTES + width * d),
    });

    const dense = { down: ledger.total('downlink', { kind: 'dense' }), up: ledger.total('uplink', { kind: 'dense' }) };
    for (const side of [dense.down, dense.up]) {
      expect(side.messages % n).toBe(0);
      expect(side.messages).toBeGreaterThan(0);
      expect(side.payloadBytes).toBe(side.messages * width * d);
      expect(side.frameBytes).toBe(side.messages * (HEADER_BYTES + width * d));
      expect(side.coordinates).toBe(side.messages * d);
      expect(side.paperBits).toBe(side.messages * 8 * width * d);
    }
    const down = ledger.total('downlink', { kind: 'compressed' });
    expect(down.messages).toBe(n * rounds - dense.down.messages);
    // together the n messages of a round carry every coordinate exactly once
    expect(down.payloadBytes).toBe((down.messages / n) * width * d);
    expect(down.coordinates).toBe((down.messages / n) * d);
    expect(down.frameBytes).toBe(down.payloadBytes + down.messages * HEADER_BYTES);
    for (let worker = 0; worker < n; worker++) {
      const own = ledger.total('downlink', { kind: 'compressed', worker });
      expect(own.coordinates).toBeLessThanOrEqual(own.messages * Math.ceil(d / n));
    }
    const up = ledger.total('uplink', { kind: 'compressed' });
    expect(up.messages).toBe(n * rounds - dense.up.messages);
    expect(up.payloadBytes).toBe(up.messages * width * k);
    expect(up.frameBytes).toBe(up.messages * (HEADER_BYTES + width * k));
    expect(up.coordinates).toBe(up.messages * k);
  });

  test('natural compression: at most 9 bits a coordinate on f32, 12 on f64, to the next byte, and one that names the code', async () => {
    const bits = wire === 'f32' ? 9 : 12;
    const ledger = await run({
      method: 'm3',
      wire,
      uplink: 'rand-k:k=41+natural',
      downlink: 'perm-k+natural',
      workers: 6,
    });
    const up = ledger.total('uplink', { kind: 'compressed' });
    expect(up.payloadBytes).toBeLessThanOrEqual(up.messages * (1 + Math.ceil((bits * 41) / 8)));
    expect(up.frameBytes).toBe(up.payloadBytes + up.messages * HEADER_BYTES);
    expect(up.paperBits).toBe(up.messages * bits * 41);
    const down = ledger.total('downlink', { kind: 'compressed' });
    expect(down.payloadBytes).toBeLessThanOrEqual(down.messages * (1 + Math.ceil((bits * 50) / 8)));
    expect(down.paperBits).toBe(down.messages * bits * 50);
  });

  test('gd: two dense messages a worker and round, and what the closing table says of it', async () => {
    const ledger = await run({ method: 'gd', wire });
    for (const direction of ['uplink', 'downlink'] as const) {
      expect(ledger.total(direction)).toEqual({
        messages: 7 * rounds,
        payloadBytes: 7 * rounds * width * d,
        frameBytes: 7 * rounds * (HEADER_BYTES + width * d),
        paperBits: 7 * rounds * 8 * width * d,
        coordinates: 7 * rounds * d,
      });
    }
    const shape = { rounds, workers: 7, dimension: d, wire };
    expect(denseFrameBytes(shape)).toBe(ledger.total('uplink').frameBytes);
  });

  test('marina: g dense down, RandK up; marina-p: gradients dense up', async () => {
    const marina = await run({ method: 'marina', wire, uplink: 'rand-k:k=10' });
    expect(marina.total('downlink', { kind: 'dense' }).frameBytes).toBe(7 * rounds * (HEADER_BYTES + width * d));
    const up = marina.total('uplink', { kind: 'compressed' });
    expect(up.frameBytes).toBe(up.messages * (HEADER_BYTES + width * 10));
    const marinaP = await run({ method: 'marina-p', wire });
    expect(marinaP.total('uplink', { kind: 'dense' }).frameBytes).toBe(7 * rounds * (HEADER_BYTES + width * d));
  });
});

test('same-rand-k goes down as one message for all and counts once for each worker', async () => {
  const ledger = await run({ method: 'marina-p', downlink: 'same-rand-k:k=30' });
  const down = ledger.total('downlink', { kind: 'compressed' });
  expect(down.frameBytes).toBe(down.messages * (HEADER_BYTES + 4 * 30));
  expect(down.messages % 7).toBe(0);
});

test('evaluations are counted nowhere', async () => {
  const problem = `heterogeneous-quadratic:d=${d}`;
  const options = { problem, method: 'm3', workers: 5, threads: 2, rounds: 60, stepSize: 0.1 } as const;
  const often = await train({ ...options, evalEvery: 1 }).result;
  const seldom = await train({ ...options, evalEvery: 60 }).result;
  expect(often.uplink).toEqual(seldom.uplink);
  expect(often.downlink).toEqual(seldom.downlink);
  expect(often.xHash).toBe(seldom.xHash);
});

test('packed dense vectors: the same iterates in fewer bytes, counted as they are', async () => {
  const problem = `heterogeneous-quadratic:d=${d},sigma=0.3`;
  const options = { problem, method: 'm3', workers: 5, threads: 2, rounds: 80, stepSize: 0.1, evalEvery: 80 } as const;
  const plain = await train(options).result;
  const packed = await train({ ...options, dense: 'packed' }).result;
  expect(packed.xHash).toBe(plain.xHash);
  expect(packed.dense).toBe('packed');
  for (const link of ['uplink', 'downlink'] as const) {
    expect(packed[link].coordinates).toBe(plain[link].coordinates);
    expect(packed[link].frameBytes).toBeLessThan(plain[link].frameBytes);
  }
  // the transport is handed what the ledger counts, whatever its length
  const ledger = await run({ method: 'gd', dense: 'packed' });
  expect(ledger.total('uplink').frameBytes).toBeLessThan(0.93 * 7 * rounds * (HEADER_BYTES + 4 * d));
});
