import type { State } from '@flotilla/core';
import {
  FrameKind,
  HEADER_BYTES,
  ProtocolError,
  packState,
  type ServerEnd,
  unpackState,
  writeHeader,
} from '@flotilla/protocol';
import type { Answers } from './answers.js';

/** What every worker knows between two rounds, in worker order. Counted nowhere. */
export async function collectStates(transport: ServerEnd, answers: Answers, round: number): Promise<State[]> {
  const room = transport.claimBroadcast(HEADER_BYTES);
  writeHeader({ kind: FrameKind.snapshot, form: 'none', coins: 0, extra: 0, round }, room);
  transport.commitBroadcast(HEADER_BYTES);
  transport.flush();
  const states: State[] = [];
  for (let worker = 0; worker < transport.workers; worker++) {
    const frame = await answers.next(worker, round);
    if (frame[0] !== FrameKind.state) throw new ProtocolError(`worker ${worker} did not answer with its state`);
    states.push(unpackState(frame.subarray(HEADER_BYTES)));
    transport.release(worker);
  }
  return states;
}

/** Makes every worker the one whose state is given, in worker order. @throws FlotillaError `protocol` when one cannot take it */
export async function handStates(
  transport: ServerEnd,
  answers: Answers,
  round: number,
  states: readonly State[],
): Promise<void> {
  if (states.length !== transport.workers) {
    throw new ProtocolError(`the states of ${states.length} workers for ${transport.workers}`);
  }
  for (const [worker, state] of states.entries()) {
    const payload = packState(state);
    const room = transport.claim(worker, HEADER_BYTES + payload.length);
    writeHeader({ kind: FrameKind.restore, form: 'none', coins: 0, extra: 0, round }, room);
    room.set(payload, HEADER_BYTES);
    transport.commit(worker, HEADER_BYTES + payload.length);
    transport.flush();
    const frame = await answers.next(worker, round);
    if (frame[0] !== FrameKind.restored) throw new ProtocolError(`worker ${worker} did not take its state`);
    transport.release(worker);
  }
}
