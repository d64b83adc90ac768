// Long: one class, the threads of a run and all that travels between them and the server.
// Long: one class, threads and the wire between them, with all that faults do to either.
import { FlotillaError, type Oracle, Rng } from '@flotilla/core';
import { getU32 } from '@flotilla/core/internal';
import {
  checksumHostEnd,
  FrameKind,
  type HostEnd,
  linkHostEnd,
  linkServerEnd,
  type ServerEnd,
} from '@flotilla/protocol';
import { WorkerHost } from '@flotilla/worker';
import type { Fleet, Hosts } from '../../hosts/fleet.js';
import { isStamped } from '../../hosts/stamped.js';
import type { RunPlan } from '../../run/plan.js';
import type { HostMessage } from '../../server-messages.js';
import type { SimulatedProcess } from './simulated-process.js';

type Way = 'down' | 'up';

export interface NetworkSetup {
  readonly threads: number;
  readonly jitter: { readonly ms: number; readonly seed: number };
  /** What each host's end is wrapped in, next to the host: a part that does not do what it should. */
  readonly end: ((end: HostEnd) => HostEnd) | undefined;
  /** What the host's process tells the server. */
  readonly tell: (message: HostMessage) => void;
  /** A frame of a round leaves the server. */
  readonly onDownlink: (round: number) => void;
  /** What is left of fleets before: frames that linger. */
  readonly lingering: { readonly way: Way; readonly worker: number; readonly bytes: Uint8Array }[];
}

/** Something that is to happen at a time. */
interface Event {
  readonly at: number;
  readonly run: () => void;
}

/** A thread of workers. */
interface Thread {
  readonly workers: readonly number[];
  host: WorkerHost | undefined;
  readonly control: Uint8Array[];
  readonly frames: Map<number, Uint8Array[]>;
  alive: boolean;
  /** When it goes on. */
  stoppedUntil: number;
  /** Whether a look at what has arrived is due. */
  woken: boolean;
}

/** Milliseconds that every message takes. */
const LATENCY_MS = 0.5;
/** As long as a frame waits for the one that overtakes it. */
const OVERTAKEN_MS = 40;

/** The threads of a run that is simulated: each message is an event in simulated time, and so is what happens to it. */
export function simulatedHosts(process: SimulatedProcess, setup: NetworkSetup): Hosts {
  return { open: (plan, attempt) => new Network(process, setup, plan, attempt).fleet(), close: async () => {} };
}

class Network {
  readonly #events: Event[] = [];
  readonly #threads: Thread[] = [];
  readonly #arrived = new Map<number, Uint8Array[]>();
  readonly #controlUp: Uint8Array[][] = [];
  readonly #rng = new Rng();
  readonly #lastArrival = new Map<string, number>();
  #failure: FlotillaError | undefined;
  #closed = false;
  /** What a thread sends now never leaves it. */
  #mute = false;

  constructor(
    private readonly process: SimulatedProcess,
    private readonly setup: NetworkSetup,
    private readonly plan: RunPlan,
    private readonly attempt: number,
  ) {
    this.#rng.seed(setup.jitter.seed, 3, 4);
    const { workers } = plan.job;
    const threads = Math.min(setup.threads, workers);
    for (let t = 0; t < threads; t++) {
      const own = Array.from({ length: workers }, (_, i) => i).filter((i) => this.#threadOf(i, threads) === t);
      const frames = new Map(own.map((i): [number, Uint8Array[]] => [i, []]));
      this.#threads.push({
        workers: own,
        host: undefined,
        control: [],
        frames,
        alive: true,
        stoppedUntil: 0,
        woken: false,
      });
      this.#controlUp.push([]);
    }
    for (let i = 0; i < workers; i++) this.#arrived.set(i, []);
    for (const [t, thread] of this.#threads.entries()) thread.host = this.#hostOn(t, thread);
    for (const { way, worker, bytes } of setup.lingering.splice(0)) {
      if (worker < workers) this.#arrive(way, worker, bytes, 20 * LATENCY_MS);
    }
  }

  /** Blocks of workers, as on real threads. */
  #threadOf(worker: number, threads = this.#threads.length): number {
    const { workers } = this.plan.job;
    return Math.floor(((worker + 1) * threads - 1) / workers);
  }

  fleet(): Fleet {
    const { plan, process } = this;
    const server = this.#server();
    const linked = isStamped(plan) ? linkServerEnd(server, process) : undefined;
    return {
      transport: linked ?? server,
      linked,
      threads: this.#threads.length,
      runtime: process,
      failure: () => this.#failure,
      close: async () => {
        this.#closed = true;
      },
    };
  }

  /** Runs what happens until `until`, or `look` finds something. */
  #pump<T>(until: number, look: () => T | undefined): T | undefined {
    const { clock } = this.process.world;
    for (let found = look(); ; found = look()) {
      if (found !== undefined) return found;
      const next = this.#events[0];
      if (next === undefined || next.at > until) break;
      this.#events.shift();
      this.process.step();
      clock.advance(Math.max(0, next.at - clock.now()));
      next.run();
    }
    clock.advance(Math.max(0, until - clock.now()));
    return undefined;
  }

  #after(ms: number, run: () => void): void {
    const event = { at: this.process.now() + ms, run };
    const behind = this.#events.findIndex(({ at }) => at > event.at);
    this.#events.splice(behind < 0 ? this.#events.length : behind, 0, event);
  }

  // what is sent

  #send(way: Way, worker: number, bytes: Uint8Array): void {
    if (this.#mute) return;
    const fault = this.process.world.faults.at(`${way}:${worker}`);
    const own = this.#rng.uniform() * this.setup.jitter.ms;
    // on one link frames keep their order
    const link = `${way}${worker}`;
    const due = Math.max(this.process.now() + LATENCY_MS + own, (this.#lastArrival.get(link) ?? 0) + 1e-6);
    const ms = due - this.process.now();
    const send = (frame: Uint8Array, more = 0) => this.#arrive(way, worker, frame, ms + more);
    switch (fault?.do) {
      case undefined:
        break;
      case 'drop':
        return;
      case 'linger':
        this.setup.lingering.push({ way, worker, bytes: bytes.slice() });
        return;
      case 'duplicate':
        send(bytes);
        break;
      case 'overtaken':
        send(bytes, OVERTAKEN_MS);
        return;
      case 'delay':
        this.#lastArrival.set(link, due + fault.ms);
        send(bytes, fault.ms);
        return;
      case 'flip': {
        const copy = bytes.slice();
        const at = (fault.bit >> 3) % copy.length;
        copy[at] = (copy[at] as number) ^ (1 << (fault.bit & 7));
        send(copy);
        return;
      }
      case 'cut':
        send(bytes.slice(0, Math.max(0, bytes.length - fault.bytes)));
        return;
      case 'stray':
        this.#arrive(way, fault.to, bytes, ms);
        return;
    }
    this.#lastArrival.set(link, due);
    send(bytes);
  }

  #arrive(way: Way, worker: number, bytes: Uint8Array, ms: number): void {
    const t = this.#threadOf(worker);
    if (way === 'up') this.#after(ms, () => void this.#arrived.get(worker)?.push(bytes));
    else this.#after(ms, () => this.#toThread(t, (thread) => void thread.frames.get(worker)?.push(bytes)));
  }

  #toThread(t: number, put: (thread: Thread) => void): void {
    const thread = this.#threads[t] as Thread;
    put(thread);
    if (thread.woken) return;
    thread.woken = true;
    // all that arrives at one time is seen at once
    this.#after(Math.max(0, thread.stoppedUntil - this.process.now()), () => this.#wake(t, thread));
  }

  #wake(t: number, thread: Thread): void {
    thread.woken = false;
    if (!thread.alive || this.#closed) return;
    const fault = this.process.world.faults.at(`host:${t}`);
    if (fault?.do === 'stop') {
      thread.stoppedUntil = this.process.now() + fault.ms;
      thread.woken = true;
      this.#after(fault.ms, () => this.#wake(t, thread));
      return;
    }
    const dies = fault?.do === 'die' ? fault : undefined;
    this.#mute = dies?.when === 'within';
    if (dies?.when !== 'before') thread.host?.step();
    this.#mute = false;
    if (dies !== undefined) this.#die(t, thread, dies.silent);
  }

  #die(t: number, thread: Thread, silent = false): void {
    thread.alive = false;
    thread.host = undefined;
    if (!silent) this.#failure ??= new FlotillaError('worker-lost', `workers on thread ${t} ended: simulated`);
  }

  // the two ends

  #hostOn(t: number, thread: Thread): WorkerHost {
    const { plan, process } = this;
    const { problemData, start, checksumRun, links, job } = plan;
    const rooms = new Map<number, Uint8Array>();
    const frames = (worker: number) => thread.frames.get(worker) as Uint8Array[];
    const end: HostEnd = {
      workers: thread.workers,
      // a host with a link waits for what is still on it
      wait(ms) {
        process.block(ms);
        return true;
      },
      takeControl: () => thread.control.shift(),
      sendControl: (message) => {
        const copy = message.slice();
        if (!this.#mute) this.#after(LATENCY_MS, () => void this.#controlUp[t]?.push(copy));
      },
      take: (worker) => frames(worker)[0],
      release: (worker) => void frames(worker).shift(),
      claim(worker, bytes) {
        const room = new Uint8Array(bytes);
        rooms.set(worker, room);
        return room;
      },
      commit: (worker, length) => this.#send('up', worker, (rooms.get(worker) as Uint8Array).subarray(0, length)),
    };
    const linked = isStamped(plan) ? linkHostEnd(end, links, process) : end;
    const seal =
      checksumRun === undefined ? undefined : { run: checksumRun, workers: job.workers, attempt: this.attempt };
    const sealed = seal === undefined ? linked : checksumHostEnd(linked, seal);
    const outer = this.setup.end?.(sealed) ?? sealed;
    return new WorkerHost(outer, { problemData, start }, this.#throwing(plan.registries), process);
  }

  /** Registries whose problems throw when a fault says so. */
  #throwing(registries: RunPlan['registries']): RunPlan['registries'] {
    const { faults } = this.process.world;
    const tripping = (oracle: Oracle, worker: number): Oracle => {
      const trip = (work: () => number, out: Float64Array): number => {
        const fault = faults.at(`gradient:${worker}`);
        if (fault?.do === 'throw') throw new Error('simulated');
        const value = work();
        if (fault?.do !== 'nan') return value;
        out[out.length - 1] = Number.NaN;
        return Number.NaN;
      };
      const { linearMap } = oracle;
      return overriding(oracle, {
        gradient(x, out) {
          return trip(() => oracle.gradient(x, out), out);
        },
        ...(linearMap && {
          linearMap: overriding(linearMap, {
            gradientAt(x, product, out) {
              return trip(() => linearMap.gradientAt(x, product, out), out);
            },
          }),
        }),
      });
    };
    const problems = Object.fromEntries(
      Object.entries(registries.problems).map(([name, family]) => {
        const create: typeof family.create = (spec, input) => {
          const problem = family.create(spec, input);
          return overriding(problem, { oracle: (i, kernels) => tripping(problem.oracle(i, kernels), i) });
        };
        return [name, overriding(family, { create })];
      }),
    );
    return { ...registries, problems };
  }

  #server(): ServerEnd {
    const { process } = this;
    const { workers } = this.plan.job;
    const rooms: Uint8Array[] = [];
    const stats = { sentBytes: 0, receivedBytes: 0 };
    const arrived = (worker: number) => this.#arrived.get(worker) as Uint8Array[];
    const claim = (at: number, bytes: number) => {
      process.step();
      const room = new Uint8Array(bytes);
      rooms[at] = room;
      return room;
    };
    const committed = (at: number, length: number) => {
      const frame = (rooms[at] as Uint8Array).subarray(0, length);
      if (frame[0] === FrameKind.downlink) this.setup.onDownlink(getU32(frame, 4));
      return frame;
    };
    /** Waits a while, in which things may happen to the whole process. */
    const wait = <T>(ms: number, look: () => T | undefined): T | undefined => {
      process.step();
      const found = look();
      if (found !== undefined) return found;
      this.#whileWaiting();
      return this.#pump(process.now() + ms, look);
    };
    return {
      workers,
      hosts: this.#threads.length,
      stats,
      claim,
      commit: (worker, length) => {
        stats.sentBytes += length;
        this.#send('down', worker, committed(worker, length));
      },
      claimBroadcast: (bytes) => claim(workers, bytes),
      commitBroadcast: (length) => {
        stats.sentBytes += length * workers;
        const frame = committed(workers, length);
        for (let worker = 0; worker < workers; worker++) this.#send('down', worker, frame);
      },
      lagging: () => undefined,
      flush() {},
      receive: (worker, ms) => wait(ms, () => arrived(worker)[0]),
      release(worker) {
        stats.receivedBytes += arrived(worker).shift()?.length ?? 0;
      },
      sendControl: (t, message) => {
        process.step();
        const copy = message.slice();
        this.#after(LATENCY_MS, () => this.#toThread(t, (thread) => void thread.control.push(copy)));
      },
      receiveControl: (t, ms) => wait(ms, () => this.#controlUp[t]?.shift()),
      pause: (ms) => void this.#pump(process.now() + ms, () => undefined),
      close: () => {
        this.#closed = true;
      },
      waited: () => 0,
    };
  }

  #whileWaiting(): void {
    const { process } = this;
    const fault = process.world.faults.at('wait');
    if (fault?.do === 'kill') process.kill(fault.power);
    if (fault?.do === 'jump') process.world.clock.advance(fault.ms);
    if (fault?.do === 'interrupt') this.setup.tell('abort');
    if (fault?.do === 'ask') this.setup.tell(fault.for);
  }
}

/** An object as it is but for some of its properties. */
function overriding<T extends object>(object: T, other: Partial<T>): T {
  return new Proxy(object, {
    get(target, name) {
      if (Object.hasOwn(other, name)) return other[name as keyof T];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
