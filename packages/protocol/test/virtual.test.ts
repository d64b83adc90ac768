import { KeyedRandom } from '@flotilla/core';
import { describe, expect, it } from 'vitest';
import { FrameKind } from '../dist/frame.js';
import { parseLinkModel } from '../dist/network/grammar.js';
import { linkHostEnd, linkServerEnd } from '../dist/network/paced.js';
import { modelLinks } from '../dist/network/virtual.js';
import { SimulatedRuntime } from '../dist/testing/index.js';
import { createLoopback } from '../dist/transport/loopback.js';
import type { HostEnd } from '../dist/transport/transport.js';

/** Milliseconds that worker 0 and worker 1 work for an answer. */
const WORK = [3, 7];

/** Two workers on this thread, in simulated time, who answer a frame of a round with one of `answerBytes` bytes. */
function open(specs: readonly string[], work = WORK, answerBytes = 8) {
  const runtime = new SimulatedRuntime();
  const step = (end: HostEnd) => () => {
    for (const worker of end.workers) {
      const frame = end.take(worker);
      if (frame === undefined) continue;
      runtime.block(work[worker]);
      const isEvaluation = frame[0] === FrameKind.evaluate;
      end.claim(worker, answerBytes)[0] = isEvaluation ? FrameKind.evaluation : FrameKind.uplink;
      end.commit(worker, answerBytes);
      end.release(worker);
    }
  };
  const loopback = createLoopback(2, step, runtime, (end) => linkHostEnd(end, undefined, runtime));
  const end = linkServerEnd(loopback, runtime);
  const model = modelLinks(end, specs.map(parseLinkModel), new KeyedRandom('0'), runtime);
  const send = (worker: number, bytes: number, kind: number = FrameKind.downlink) => {
    model.claim(worker, bytes)[0] = kind;
    model.commit(worker, bytes);
  };
  const receive = (worker: number) => {
    expect(model.receive(worker, 1000)?.length).toBe(answerBytes);
    model.release(worker);
  };
  return { runtime, model, send, receive };
}

/** Milliseconds of the clocks, to the nearest nanosecond. */
const ms = ({ seconds }: { readonly seconds: number[] }) => seconds.map((s) => Math.round(s * 1e9) / 1e6);

describe('modelled links', () => {
  const specs = [
    'down=8mbit,up=1mbit,latency=10ms,server=2ms',
    'down=8mbit/4mbit,compute=1ms,server=0ms',
    'compute=0ms,server=5ms',
  ];

  it.each(['own frames', 'a broadcast'])('are the arithmetic of a round, for each spec: %s', (how) => {
    const { model, send, receive } = open(specs, WORK, 500);
    for (let round = 1; round <= 2; round++) {
      model.beginRound();
      if (how === 'own frames') for (const worker of [0, 1]) send(worker, 1000);
      else {
        model.claimBroadcast(1000)[0] = FrameKind.downlink;
        model.commitBroadcast(1000);
      }
      for (const worker of [0, 1]) receive(worker);
      model.endRound();
      // 2 + (1 + 10) + the slower worker's 7 + (4 + 10); worker 1 with its 2 + 1; the server alone
      expect(ms(model)).toEqual([34 * round, 3 * round, 5 * round]);
    }
  });

  it('measure the work of the server, and not its waits', () => {
    const { runtime, model, send } = open(['compute=0ms'], [200, 0]);
    runtime.advance(1000);
    model.beginRound();
    runtime.advance(3);
    send(0, 8);
    runtime.advance(4);
    // it looks before the answer is there, sees to something else, and looks again
    expect(model.receive(1, 10)).toBeUndefined();
    runtime.advance(30);
    expect(model.receive(0, 1000)?.length).toBe(8);
    expect(ms(model)).toEqual([7]);
    runtime.advance(5);
    // a look at the same frame is no wait, and no other frame
    expect(model.receive(0, 1000)?.length).toBe(8);
    model.release(0);
    model.endRound();
    expect(ms(model)).toEqual([12]);
    // what lies between rounds takes no time
    runtime.advance(1000);
    model.beginRound();
    runtime.advance(1);
    model.endRound();
    expect(ms(model)).toEqual([13]);
  });

  it('go on from the server where uplinks are late, and in the order of asking', () => {
    const { model, send, receive } = open(['server=0ms']);
    model.beginRound();
    send(1, 8);
    receive(1);
    expect(model.seconds).toEqual([0.007]);
    // a worker's next answer comes after its last
    send(1, 8);
    send(0, 8);
    receive(0);
    expect(model.seconds).toEqual([0.01]);
    receive(1);
    expect(model.seconds).toEqual([0.014]);
  });

  it('take no time for evaluations, in a round or between two', () => {
    const { model, send, receive } = open(['down=1bit,up=1bit,compute=1s,server=0ms'], WORK, 100);
    send(0, 100, FrameKind.evaluate);
    receive(0);
    model.beginRound();
    send(1, 100, FrameKind.evaluate);
    receive(1);
    model.endRound();
    expect(model.seconds).toEqual([0]);
  });

  it('are counted as the transport below counts: bytes and frames go through unchanged', () => {
    const { model, send, receive } = open(['up=1mbit'], WORK, 20);
    send(0, 10);
    receive(0);
    expect(model.stats).toEqual({ sentBytes: 10, receivedBytes: 20 });
    expect([model.workers, model.hosts]).toEqual([2, 1]);
  });

  describe('as data', () => {
    const halves = ['up=8kbit,down=80kbit/1kbit,latency=3ms,duplex=half,server=1ms,compute=2ms', specs[0]];
    /** In the first rounds worker 1 is not waited for, so that its link is still busy and its answers are still to come. */
    const round = ({ model, send, receive }: ReturnType<typeof open>, k: number, asksFirst = false) => {
      model.beginRound();
      if (k === 3 && asksFirst) receive(1);
      for (const worker of [0, 1]) send(worker, 100 + 7 * k);
      for (const worker of k < 3 ? [0] : [0, 1]) receive(worker);
      model.endRound();
    };

    it.each([
      ['sends a frame behind those on a busy link', false],
      ['asks for a late answer', true],
    ])('a run that %s after a snapshot shows the very times of one that never stopped', (_what, asksFirst) => {
      const whole = open(halves);
      for (let k = 0; k < 3; k++) round(whole, k);
      // as it is when it has been stored
      const state = structuredClone(whole.model.snapshot());
      const at = whole.model.seconds;
      for (let k = 3; k < 6; k++) round(whole, k, asksFirst);
      const resumed = open(halves);
      // the answer that is still to come, sent for between rounds, which takes no time
      resumed.send(1, 8);
      resumed.model.restore(state);
      expect(resumed.model.seconds).toEqual(at);
      for (let k = 3; k < 6; k++) round(resumed, k, asksFirst);
      expect(resumed.model.seconds).toEqual(whole.model.seconds);
      // the snapshot is a copy
      expect(whole.model.snapshot()).not.toEqual(state);
    });

    it("other clocks' state is refused, and changes nothing", () => {
      const { model, ...more } = open(halves);
      round({ model, ...more }, 0);
      const before = model.snapshot();
      const refused = expect.objectContaining({ code: 'protocol', message: expect.stringContaining('the state') });
      for (const state of [
        {},
        open([halves[0]]).model.snapshot(),
        { ...before, '1/now': new Float64Array(1) },
        { ...before, '1/ready': new Float64Array(3) },
        { ...before, '0/free': 4 },
      ]) {
        expect(() => model.restore(state)).toThrow(refused);
        expect(model.snapshot()).toEqual(before);
      }
    });
  });
});
