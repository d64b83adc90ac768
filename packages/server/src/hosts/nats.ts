import { resolve } from 'node:path';
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { FlotillaError } from '@flotilla/core';
import { asFlotillaError, Deadline, type ErrorRecord, errorFrom } from '@flotilla/core/internal';
import { createThreadTransport, type ServerEnd, type ThreadAttachment } from '@flotilla/protocol';
import {
  type HostRange,
  hostOf,
  markOf,
  type NatsOptions,
  type Offer,
  roomForLarge,
  TRAFFIC_VALUES,
  trafficIn,
  withHost,
  withoutHost,
} from '@flotilla/protocol/nats';
import { offeredOptions, sharedIdentity } from '../nats/offer.js';
import { sentData } from '../nats/sent-data.js';
import { ownFile } from '../own-files.js';
import { LateError } from '../round/stragglers.js';
import { brokerOf } from '../run/broker.js';
import { Attendance } from './attendance.js';
import type { Fleet, Transport } from './fleet.js';
import { largestFrameBytes } from './frame-bytes.js';
import { type ThreadPool, threadPool } from './pool.js';

/** What the thread that has the connection is started with. */
export interface BridgeTask {
  readonly nats: NatsOptions;
  readonly run: string;
  readonly workers: number;
  /** Where it counts its bytes. */
  readonly traffic: Float64Array;
  readonly port: MessagePort;
}

/** What the server's thread tells it. */
export type ToBridge =
  | {
      readonly type: 'offer';
      readonly offer: Omit<Offer, 'type' | 'session'>;
      readonly least: number;
      /** Where the data are that the offer says are sent. */
      readonly dataPath: string | undefined;
    }
  | { readonly type: 'serve'; readonly hosts: readonly HostRange[]; readonly attachment: ThreadAttachment }
  | { readonly type: 'close'; readonly last: boolean };

/** What it tells the server's thread. */
export type FromBridge =
  | { readonly type: 'note'; readonly line: string }
  | { readonly type: 'missing'; readonly workers: readonly number[] }
  | { readonly type: 'gathered'; readonly hosts: readonly HostRange[] }
  | { readonly type: 'joined'; readonly number: number; readonly host: HostRange }
  | { readonly type: 'left'; readonly number: number; readonly reason: ErrorRecord }
  | { readonly type: 'lost'; readonly error: ErrorRecord };

const PIECE_MS = 50;

/** Workers in other processes, which a broker carries the frames to and from. */
export const nats: Transport = {
  start(options, runtime, note) {
    const { workers } = options;
    const broker = brokerOf(options);
    if (broker === undefined) throw new FlotillaError('internal', 'a broker without its options');
    const { run, settings } = broker;
    const channel = new MessageChannel();
    const { port1, port2 } = channel;
    const pool: ThreadPool<BridgeTask, undefined> = threadPool(ownFile('nats/bridge-thread.js'), 1, runtime);
    const traffic = new Float64Array(new SharedArrayBuffer(8 * TRAFFIC_VALUES));
    let failure: FlotillaError | undefined;
    let closed = false;
    const bridge = pool
      .run({ nats: settings, run, workers, traffic, port: port2 } as BridgeTask, port2)
      .catch((error) => {
        if (!closed) failure ??= asFlotillaError(error);
        return undefined;
      });
    const send = (message: ToBridge, transfer: readonly MessagePort[] = []) =>
      port1.postMessage(message, transfer as never);
    let gathered: readonly HostRange[] | undefined;
    let missing: readonly number[] = [];
    let attendance: Attendance | undefined;
    const collect = () => {
      for (let got = receiveMessageOnPort(port1); got !== undefined; got = receiveMessageOnPort(port1)) {
        const message = got.message as FromBridge;
        if (message.type === 'note') note(message.line);
        else if (message.type === 'gathered') gathered = message.hosts;
        else if (message.type === 'missing') missing = message.workers;
        else if (message.type === 'joined') attendance?.joined(message.number, message.host);
        else if (message.type === 'left') leave(message.number, errorFrom(message.reason));
        else failure ??= errorFrom(message.error);
      }
      return failure;
    };
    const leave = (number: number, reason: FlotillaError) => {
      try {
        attendance?.left(number, reason);
      } catch (thrown) {
        failure ??= asFlotillaError(thrown);
      }
    };
    const close = async (patienceMs = 1000 * options.grace, last = true) => {
      if (closed) return;
      closed = true;
      send({ type: 'close', last });
      const ended = new AbortController();
      await Promise.race([bridge, runtime.sleep(patienceMs, ended.signal)]);
      ended.abort();
      port1.close();
      await pool.close();
    };
    return {
      async open(plan, attempt, _computeSeconds, yieldToEventLoop = () => runtime.yield()): Promise<Fleet> {
        const { checksumRun } = plan;
        const maxFrameBytes = largestFrameBytes(plan);
        const identity = await sharedIdentity(options, plan);
        const isElastic = plan.method.elastic?.(plan.parameters) === true;
        const least = isElastic ? (options.minWorkers ?? workers) : workers;
        if ((options.minWorkers ?? workers) < workers && !isElastic)
          note(`${options.method} has all its workers in every round: the run waits for them`);
        const data = sentData(options);
        send({
          type: 'offer',
          least,
          dataPath: data && resolve(String(options.data)),
          offer: { attempt, workers, options: offeredOptions(options), identity, data, checksumRun, maxFrameBytes },
        });
        const deadline = new Deadline(runtime, 1000 * options.roundTimeout, PIECE_MS);
        let told = '';
        while (gathered === undefined) {
          await yieldToEventLoop();
          const piece = deadline.next();
          const error = collect();
          if (error !== undefined) throw error;
          const wanted =
            missing.length === 0
              ? ''
              : `waiting for ${nameOf(missing)}: flotilla worker --nats ${settings.url} --run ${run}`;
          if (wanted !== '' && wanted !== told) note(wanted);
          told = wanted;
          if (piece === 0 && options.onStraggler === 'wait') {
            note(`no host came for ${nameOf(missing)} within ${options.roundTimeout} s; the run goes on waiting`);
            deadline.extend(1000 * options.roundTimeout);
            continue;
          }
          if (piece === 0) {
            const whom = nameOf(missing.length > 0 ? missing : Array.from({ length: workers }, (_, worker) => worker));
            // who did not come in that time will not come in another
            throw new LateError(`no host came for ${whom} within ${options.roundTimeout} s`, true, {});
          }
          await runtime.sleep(piece);
        }
        const { server, attachments } = createThreadTransport(
          { workers, threads: 1, maxFrameBytes, crowded: true },
          runtime,
        );
        const [attachment] = attachments as readonly [ThreadAttachment];
        send({ type: 'serve', hosts: gathered, attachment }, [attachment.port]);
        const transport = new NatsServerEnd(server, gathered.length, attachment.broadcastBytes);
        if (least < workers) attendance = new Attendance(transport, gathered, least, note);
        return {
          transport,
          attendance,
          linked: undefined,
          threads: gathered.length,
          broker: () => ({ sent: { ...trafficIn(traffic, 0) }, received: { ...trafficIn(traffic, 1) } }),
          runtime,
          failure: collect,
          async close(patienceMs, isLast) {
            server.close();
            await close(patienceMs, isLast);
          },
        };
      },
      close,
    };
  },
};

/** `workers 0 to 3, 7`. */
function nameOf(workers: readonly number[]): string {
  const ranges: string[] = [];
  for (let k = 0; k < workers.length; ) {
    let end = k;
    while (workers[end + 1] === (workers[end] as number) + 1) end++;
    ranges.push(end === k ? `${workers[k]}` : `${workers[k]} to ${workers[end]}`);
    k = end + 1;
  }
  return `${workers.length === 1 ? 'worker' : 'workers'} ${ranges.slice(0, 5).join(', ')}${ranges.length > 5 ? ' …' : ''}`;
}

/** The mailboxes to the thread that has the connection; control messages are for the hosts behind it. */
class NatsServerEnd implements ServerEnd {
  readonly workers: number;
  readonly #answers: Uint8Array[][];
  /** What was claimed for a broadcast that no slot has room for. */
  #large: ReturnType<typeof roomForLarge> | undefined;
  #larges = 0;
  /** Bytes of those, less those of their marks. */
  #largeBytes = 0;

  constructor(
    private readonly inner: ServerEnd,
    readonly hosts: number,
    /** Longest frame that a broadcast slot of the mailboxes has room for. */
    private readonly broadcastBytes: number,
  ) {
    this.workers = inner.workers;
    this.#answers = Array.from({ length: hosts }, () => []);
  }

  get stats() {
    const { sentBytes, receivedBytes } = this.inner.stats;
    return { sentBytes: sentBytes + this.#largeBytes, receivedBytes };
  }

  sendControl(host: number, message: Uint8Array): void {
    this.inner.sendControl(0, withHost(host, message));
  }

  receiveControl(host: number, timeoutMs: number): Uint8Array | undefined {
    const own = this.#answers[host] ?? [];
    this.#answers[host] = own;
    if (own.length > 0) return own.shift();
    for (let got = this.inner.receiveControl(0, timeoutMs); got !== undefined; got = this.inner.receiveControl(0, 0)) {
      const from = hostOf(got);
      const answers = this.#answers[from] ?? [];
      this.#answers[from] = answers;
      answers.push(withoutHost(got));
    }
    return own.shift();
  }

  claim = (worker: number, bytes: number) => this.inner.claim(worker, bytes);
  commit = (worker: number, length: number) => this.inner.commit(worker, length);

  claimBroadcast(bytes: number): Uint8Array {
    this.#large = bytes > this.broadcastBytes ? roomForLarge(this.#larges, bytes) : undefined;
    return this.#large?.frame ?? this.inner.claimBroadcast(bytes);
  }

  commitBroadcast(length: number): void {
    const large = this.#large;
    if (large === undefined) {
      this.inner.commitBroadcast(length);
      return;
    }
    this.#large = undefined;
    const { message, frame } = large;
    // once, and a mark in each worker's ring
    this.inner.sendControl(
      0,
      length === frame.length ? message : message.slice(0, message.length - frame.length + length),
    );
    const mark = markOf(this.#larges++);
    for (let worker = 0; worker < this.workers; worker++) {
      this.inner.claim(worker, mark.length).set(mark);
      this.inner.commit(worker, mark.length);
    }
    this.#largeBytes += this.workers * (length - mark.length);
  }

  lagging = (maxBytes: number, timeoutMs: number) => this.inner.lagging(maxBytes, timeoutMs);
  flush = () => this.inner.flush();
  receive = (worker: number, timeoutMs: number) => this.inner.receive(worker, timeoutMs);
  release = (worker: number) => this.inner.release(worker);
  pause = (ms: number) => this.inner.pause(ms);
  close = () => this.inner.close();
  waited = () => 0;
}
