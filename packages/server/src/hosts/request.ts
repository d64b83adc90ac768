import { Deadline, errorFrom } from '@flotilla/core/internal';
import { type Control, ProtocolError, packControl, unpackControl } from '@flotilla/protocol';
import type { Stragglers } from '../round/stragglers.js';
import type { Fleet } from './fleet.js';

/**
 * Sends a control message to every host and waits for the answers, in host order: for each as long as for a round's, since the
 * answer to `configure` includes building every shard's problem. A host that leaves meanwhile, where it may, is left out.
 * @param yieldToEventLoop Lets the event loop run; throws when the wait must end.
 * @throws FlotillaError `worker-lost` for a host that does not answer, `protocol` for one that answers something else, and what
 * a host says went wrong
 */
export async function request<T extends Control['type']>(
  { transport, runtime, attendance }: Pick<Fleet, 'transport' | 'runtime' | 'attendance'>,
  message: Control,
  answer: T,
  stragglers: Stragglers,
  yieldToEventLoop = (): Promise<void> => runtime.yield(),
): Promise<Extract<Control, { type: T }>[]> {
  const bytes = packControl(message);
  const hosts = attendance?.hosts ?? Array.from({ length: transport.hosts }, (_, host) => host);
  for (const host of hosts) transport.sendControl(host, bytes);
  const answers: Extract<Control, { type: T }>[] = [];
  const due = `answer ${message.type}`;
  // the hosts work side by side: one deadline for all of them
  const deadline = new Deadline(runtime, stragglers.timeoutMs);
  for (const host of hosts) {
    let reply = transport.receiveControl(host, deadline.next());
    while (reply === undefined) {
      await yieldToEventLoop();
      if (attendance?.hosts.includes(host) === false) break;
      let piece = deadline.next();
      if (piece === 0) {
        stragglers.overdue(`host ${host}`, due, deadline, {});
        piece = deadline.next();
      }
      reply = transport.receiveControl(host, piece);
      if (reply !== undefined) stragglers.came(`host ${host}`, due, deadline);
    }
    if (reply === undefined) continue;
    const got = unpackControl(reply);
    if (got.type === 'failed') throw errorFrom(got);
    if (got.type !== answer) throw new ProtocolError(`host ${host} answered ${message.type} with ${got.type}`);
    answers.push(got as Extract<Control, { type: T }>);
  }
  return answers;
}
