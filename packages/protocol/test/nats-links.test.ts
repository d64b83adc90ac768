import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ENVELOPE_BYTES, Flag, Kind, sealed, unsealed } from '../dist/transport/nats/envelope.js';
import { packHandshake, unpackHandshake } from '../dist/transport/nats/handshake.js';
import { Peer } from '../dist/transport/nats/links.js';
import { TRAFFIC_VALUES, type Traffic, trafficIn } from '../dist/transport/nats/traffic.js';

const PIECE = 64;
const WORKERS = 3;

/** What happens to the messages of one direction: each may be lost, come twice, or be overtaken by the next. */
type Fate = 'through' | 'lost' | 'twice' | 'overtaken';

interface Side {
  readonly peer: Peer;
  readonly sent: Traffic;
  readonly received: Traffic;
  readonly got: Uint8Array[][];
  /** On their way to the other side. */
  readonly onTheWay: { worker: number; message: Uint8Array }[];
}

/** Two peers and a broker between them that does to messages what it is told. */
class Network {
  now = 0;
  readonly sides: readonly [Side, Side];
  #published = 0;

  constructor(
    private readonly fates: readonly Fate[],
    private readonly pieceBytes = PIECE,
  ) {
    this.sides = [this.#side(), this.#side()];
  }

  #side(): Side {
    const sent = trafficIn(new Float64Array(TRAFFIC_VALUES), 0);
    const received = trafficIn(new Float64Array(TRAFFIC_VALUES), 1);
    const got: Uint8Array[][] = Array.from({ length: WORKERS + 1 }, () => []);
    const onTheWay: Side['onTheWay'] = [];
    const publish = (worker: number, message: Uint8Array) => {
      const fate = this.fates[this.#published++] ?? 'through';
      // a broker has its own
      const item = { worker, message: new Uint8Array(message) };
      if (fate === 'overtaken' && onTheWay.length > 0) onTheWay.splice(-1, 0, item);
      else if (fate !== 'lost') onTheWay.push(item);
      if (fate === 'twice') onTheWay.push(item);
    };
    const deliver = (link: number | 'all', bytes: Uint8Array) => {
      const links = link === 'all' ? Array.from({ length: WORKERS }, (_, k) => k) : [link];
      for (const one of links) got[one]?.push(bytes.slice());
    };
    const options = {
      workers: WORKERS,
      session: 7,
      pieceBytes: this.pieceBytes,
      maxMessageBytes: 62.5 * this.pieceBytes,
      now: () => this.now,
    };
    return { peer: new Peer({ ...options, publish, deliver, sent, received }), sent, received, got, onTheWay };
  }

  /** Everything that is on its way arrives. */
  carry(): void {
    for (const [k, side] of this.sides.entries()) {
      const { peer } = this.sides[1 - k] as Side;
      for (const { worker, message } of side.onTheWay.splice(0)) {
        const { envelope, payload } = unsealed(message);
        if (envelope.kind === Kind.sync) peer.synced(envelope, payload);
        else if (envelope.kind === Kind.bundle) peer.arrivedBundle(payload);
        else if (envelope.kind === Kind.broadcast) peer.arrivedForAll(envelope, payload);
        else peer.arrived(envelope.kind === Kind.control ? peer.control : worker, envelope, payload);
      }
    }
  }

  /** Time passes, and the network does nothing more to messages than it was told. */
  settle(): void {
    for (let k = 0; k < 400; k++) {
      this.carry();
      this.now += 50;
      for (const { peer } of this.sides) peer.tick();
    }
  }

  /** From the first side, as the server does it. */
  broadcast(message: Uint8Array): void {
    const [{ peer, onTheWay, sent }] = this.sides;
    const seq = peer.aligned;
    if (seq === undefined) {
      for (let link = 0; link < WORKERS; link++) peer.send(link, message);
      return;
    }
    const ack = peer.receivedByAll;
    for (let at = 0, k = 0; at < message.length; at += this.pieceBytes, k++) {
      const envelope = { kind: Kind.broadcast, flags: 0, session: 7, seq: seq + k, ack, total: message.length };
      const fate = this.fates[this.#published++] ?? 'through';
      if (fate !== 'lost')
        onTheWay.push({ worker: 0, message: sealed(envelope, message.subarray(at, at + this.pieceBytes)) });
      sent.control += ENVELOPE_BYTES;
    }
    sent.others += message.length;
    const pieces = Array.from({ length: Math.ceil(message.length / this.pieceBytes) }, (_, k) =>
      message.subarray(k * this.pieceBytes, (k + 1) * this.pieceBytes),
    );
    peer.broadcast(pieces, ack);
  }
}

/** Long ones are compared faster so. */
const texts = (links: readonly (readonly Uint8Array[])[] | undefined) =>
  links?.map((messages) => messages.map((bytes) => Buffer.from(bytes).toString('latin1')));

const fate = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Fate>('through') },
  { weight: 2, arbitrary: fc.constant<Fate>('lost') },
  fc.constant<Fate>('twice'),
  fc.constant<Fate>('overtaken'),
);
const action = fc.record({
  side: fc.constantFrom(0, 1),
  link: fc.integer({ min: 0, max: WORKERS }),
  all: fc.boolean(),
  length: fc.integer({ min: 1, max: 300 }),
  carry: fc.boolean(),
  isMore: fc.boolean(),
});

test.each([
  ['short', 1],
  // their memory is used again for others
  ['long', 150],
])('%s messages arrive whole, once and in order, whatever the broker loses, repeats or turns round', (_, times) => {
  let again = 0;
  fc.assert(
    fc.property(
      fc.array(fate, { maxLength: 200 }),
      fc.array(action, { minLength: 1, maxLength: 40 }),
      (fates, actions) => {
        const network = new Network(fates, times * PIECE);
        const sent: Uint8Array[][][] = [0, 1].map(() => Array.from({ length: WORKERS + 1 }, () => []));
        for (const [k, { side, link, all, length, carry, isMore }] of actions.entries()) {
          const message = Uint8Array.from({ length: times * length }, (_, j) => k + 1 + j);
          if (all && side === 0) {
            network.broadcast(message);
            for (let worker = 0; worker < WORKERS; worker++) sent[0]?.[worker]?.push(message);
          } else {
            network.sides[side]?.peer.send(link, message, isMore);
            sent[side]?.[link]?.push(message);
          }
          if (carry) network.carry();
          network.now += 7;
        }
        for (const { peer } of network.sides) peer.flush();
        network.settle();
        expect(texts(network.sides[1].got)).toEqual(texts(sent[0]));
        expect(texts(network.sides[0].got)).toEqual(texts(sent[1]));
        again += network.sides[0].sent.again + network.sides[1].sent.again;
      },
    ),
    { numRuns: times === 1 ? 300 : 80 },
  );
  expect(again, 'something was sent again').toBeGreaterThan(0);
});

test('memory of a long message is used again when it has arrived, unless it was sent again', () => {
  const traffic = () => trafficIn(new Float64Array(TRAFFIC_VALUES), 0);
  const published: Uint8Array[] = [];
  let now = 0;
  const options = { workers: 1, session: 7, pieceBytes: 1 << 16, maxMessageBytes: 1 << 16, now: () => now };
  const publish = (_: number, message: Uint8Array) => published.push(message);
  const peer = new Peer({ ...options, publish, deliver: () => undefined, sent: traffic(), received: traffic() });
  const arrived = (count: number, flags = 0) => {
    const payload = new Uint8Array(8);
    new DataView(payload.buffer).setUint32(0, count, true);
    peer.synced({ kind: Kind.sync, flags, session: 7, seq: 0, ack: 0, total: 8 }, payload);
  };
  for (const k of [1, 2]) {
    peer.send(0, new Uint8Array(10_000).fill(k));
    arrived(k);
  }
  expect(published[1]?.buffer).toBe(published[0]?.buffer);
  peer.send(0, new Uint8Array(10_000).fill(3));
  now = 1000;
  arrived(2, Flag.missing);
  arrived(3);
  // the second copy may be on its way out still
  peer.send(0, new Uint8Array(10_000).fill(4));
  expect(published).toHaveLength(5);
  expect(published[3]?.[ENVELOPE_BYTES]).toBe(3);
  expect(published[4]?.buffer).not.toBe(published[3]?.buffer);
});

test('nothing is sent again where nothing is lost, and what is sent is counted to the byte', () => {
  const network = new Network([]);
  let [frames, pieces] = [0, 0];
  for (let k = 0; k < 50; k++) {
    const length = 1 + ((k * 37) % 200);
    network.sides[0].peer.send(k % WORKERS, new Uint8Array(length));
    frames += length;
    pieces += Math.ceil(length / PIECE);
  }
  const onTheWay = network.sides[0].onTheWay.reduce((sum, { message }) => sum + message.length, 0);
  expect(network.sides[0].sent).toEqual({
    frames: 0,
    broadcasts: 0,
    others: frames,
    control: pieces * ENVELOPE_BYTES,
    again: 0,
    data: 0,
  });
  expect(onTheWay).toBe(frames + pieces * ENVELOPE_BYTES);
  network.settle();
  expect(network.sides.map(({ sent }) => sent.again)).toEqual([0, 0]);
});

test('short messages that are sent together travel together, and are counted to the byte', () => {
  const network = new Network([], 4000);
  const [{ peer, onTheWay, sent: counted }, { got, received }] = network.sides;
  const messages = Array.from({ length: 9 }, (_, k) => new Uint8Array(10 + k).fill(k));
  for (const [k, message] of messages.entries()) peer.send(k % WORKERS, message, true);
  expect(onTheWay).toHaveLength(0);
  peer.flush();
  expect(onTheWay).toHaveLength(1);
  // 10 + 11 + … + 18, an envelope, and four numbers before each
  expect(onTheWay[0]?.message.length).toBe(126 + ENVELOPE_BYTES + 9 * 16);
  const sum = (traffic: Traffic) => Object.values(traffic).reduce((total: number, value: number) => total + value, 0);
  expect(sum(counted)).toBe(126 + ENVELOPE_BYTES + 9 * 16);
  network.carry();
  for (let worker = 0; worker < WORKERS; worker++) {
    expect(got[worker]).toEqual(messages.filter((_, k) => k % WORKERS === worker));
  }
  expect(received.others + received.frames).toBe(126);
  expect(sum(received)).toBe(126 + ENVELOPE_BYTES + 9 * 16);
  // a long one goes by itself, and those after it too
  peer.send(0, new Uint8Array(5), true);
  peer.send(0, new Uint8Array(3990), true);
  peer.send(1, new Uint8Array(5), true);
  peer.flush();
  expect(network.sides[0].onTheWay.map(({ message }) => unsealed(message).envelope.kind)).toEqual([
    Kind.frame,
    Kind.frame,
    Kind.frame,
  ]);
});

test('a bundle that is cut off anywhere is refused', () => {
  const [{ peer }] = new Network([]).sides;
  const bundle = new Uint8Array(2 * 16 + 12);
  new DataView(bundle.buffer).setUint32(12, 12, true);
  expect(() => peer.arrivedBundle(bundle)).not.toThrow();
  for (let length = 1; length < bundle.length; length++) {
    if (length === 28) continue;
    expect(() => peer.arrivedBundle(bundle.subarray(0, length))).toThrow(/ends within a message/);
  }
  new DataView(bundle.buffer).setUint32(0, 99, true);
  expect(() => peer.arrivedBundle(bundle)).toThrow(/link 99 of 4/);
});

test('a peer that is far behind is not sent more than the window holds, and gets the rest as it acknowledges', () => {
  const network = new Network([], 4000);
  const { peer, onTheWay } = network.sides[0];
  const message = new Uint8Array(4000);
  for (let k = 0; k < 6000; k++) peer.send(0, message);
  const bytes = onTheWay.reduce((sum, { message }) => sum + message.length - ENVELOPE_BYTES, 0);
  expect(bytes).toBeGreaterThanOrEqual(16 << 20);
  expect(bytes).toBeLessThan((16 << 20) + 4000);
  network.settle();
  expect(network.sides[1].got[0]).toHaveLength(6000);
});

describe('what a stranger may send', () => {
  const envelope = { kind: Kind.frame, flags: 0, session: 7, seq: 0, ack: 0, total: 10 };
  const peer = () => new Network([]).sides[0].peer;

  test('a message that claims to be longer than any that is due is refused before memory is had for it', () => {
    expect(() => peer().arrived(0, { ...envelope, total: 4001 }, new Uint8Array(1))).toThrow(
      /4001 bytes, at most 4000/,
    );
  });
  test('pieces that do not fit are refused', () => {
    expect(() => peer().arrived(0, envelope, new Uint8Array(11))).toThrow('do not fit');
    const second = peer();
    second.arrived(0, envelope, new Uint8Array(6));
    expect(() => second.arrived(0, { ...envelope, seq: 1, total: 12 }, new Uint8Array(6))).toThrow('do not fit');
    const empty = peer();
    expect(() => empty.arrived(0, envelope, new Uint8Array(0))).toThrow('do not fit');
  });
  test('acknowledgements of what was never sent do nothing; those of other lengths are refused', () => {
    const own = peer();
    own.send(0, new Uint8Array(5));
    const all = new Uint8Array(4 * (WORKERS + 1)).fill(0xff);
    own.synced({ ...envelope, kind: Kind.sync, flags: Flag.missing }, all);
    expect(() => own.synced({ ...envelope, kind: Kind.sync }, all.subarray(4))).toThrow(
      'an acknowledgement of 12 bytes for 4 links',
    );
    expect(() => own.arrived(9, envelope, new Uint8Array(1))).toThrow('link 9 of 4');
  });
  test('envelopes and handshakes of any bytes are read or refused, by a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        for (const read of [unsealed, unpackHandshake]) {
          try {
            read(bytes);
          } catch (error) {
            expect(error).toMatchObject({ code: 'protocol' });
          }
        }
      }),
      { numRuns: 3000 },
    );
  });
  test('every bit of an offer that is flipped is another offer or none, never a crash', () => {
    const offer = packHandshake({ type: 'hello', host: 'a-b_9' });
    for (let bit = 0; bit < 8 * offer.length; bit++) {
      const flipped = offer.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      try {
        expect(unpackHandshake(flipped).type).toBe('hello');
      } catch (error) {
        expect(error).toMatchObject({ code: 'protocol' });
      }
    }
    expect(() => unpackHandshake(new Uint8Array((64 << 10) + 1))).toThrow('at most 65536 are read');
  });
});
