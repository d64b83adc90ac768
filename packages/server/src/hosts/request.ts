import { type ErrorCode, FlotillaError } from '@flotilla/core';
import { errorOf } from '@flotilla/core/internal';
import { type Control, ProtocolError, packControl, unpackControl } from '@flotilla/protocol';
import type { Fleet } from './fleet.js';

/** How long a control message may stay unanswered: the answer to `configure` includes building every shard's problem. */
const CONTROL_TIMEOUT_MS = 600_000;
/** How long a blocking wait for an answer lasts before the event loop runs. */
const SLICE_MS = 20;

/**
 * Sends a control message to every host and waits for the answers, in host order.
 * @param yieldToEventLoop Lets the event loop run; throws when the wait must end.
 * @throws FlotillaError `worker-lost` for a host that does not answer, `protocol` for one that answers something else, and what
 * a host says went wrong
 */
export async function request<T extends Control['type']>(
  { transport, runtime }: Pick<Fleet, 'transport' | 'runtime'>,
  message: Control,
  answer: T,
  yieldToEventLoop = (): Promise<void> => runtime.yield(),
): Promise<Extract<Control, { type: T }>[]> {
  const bytes = packControl(message);
  for (let host = 0; host < transport.hosts; host++) transport.sendControl(host, bytes);
  const answers: Extract<Control, { type: T }>[] = [];
  const from = runtime.now();
  for (let host = 0; host < transport.hosts; host++) {
    let reply = transport.receiveControl(host, SLICE_MS);
    for (; reply === undefined; reply = transport.receiveControl(host, SLICE_MS)) {
      await yieldToEventLoop();
      if (runtime.now() - from > CONTROL_TIMEOUT_MS) {
        throw new FlotillaError(
          'worker-lost',
          `host ${host} did not answer ${message.type} within ${CONTROL_TIMEOUT_MS / 1000} s`,
        );
      }
    }
    const got = unpackControl(reply);
    if (got.type === 'failed') throw errorOf({ code: got.code as ErrorCode, message: got.message });
    if (got.type !== answer) throw new ProtocolError(`host ${host} answered ${message.type} with ${got.type}`);
    answers.push(got as Extract<Control, { type: T }>);
  }
  return answers;
}
