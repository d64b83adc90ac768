import type { Rng } from '@flotilla/core';
import type { OptionsInput } from '../../run/options.js';

/** What happens to a frame on its way. */
type FrameEffect =
  | { readonly do: 'drop' | 'duplicate' }
  /** It comes after the one behind it. */
  | { readonly do: 'overtaken' }
  | { readonly do: 'delay'; readonly ms: number }
  | { readonly do: 'flip'; readonly bit: number }
  /** So many bytes less. */
  | { readonly do: 'cut'; readonly bytes: number }
  /** It comes to, or as if from, another worker. */
  | { readonly do: 'stray'; readonly to: number }
  /** It comes when the workers have been started again, to those. */
  | { readonly do: 'linger' };

/** What happens to a thread of workers when it is about to handle something. */
type HostEffect =
  /** It ends: before that, with the answers unsent, or with them on their way. `silent`: nobody is told. */
  | { readonly do: 'die'; readonly when: 'before' | 'within' | 'after'; readonly silent?: boolean }
  /** It does nothing for a while. */
  | { readonly do: 'stop'; readonly ms: number };

/** What happens at a call that changes something on the disk. */
type DiskEffect =
  /**
   * The server's process ends. With `power` the machine too: of what was not synced, names and bytes, something survives, drawn
   * from that number; some of it torn.
   */
  | { readonly do: 'kill'; readonly when: 'before' | 'within' | 'after'; readonly power?: number }
  /** This call and some after it find the disk full. */
  | { readonly do: 'full'; readonly calls: number };

/** What happens while the server waits for a worker. */
type WaitEffect =
  | { readonly do: 'kill'; readonly when: 'before'; readonly power?: number }
  /** The whole process is stopped, or its machine sleeps, while the clock runs. */
  | { readonly do: 'jump'; readonly ms: number }
  | { readonly do: 'interrupt' }
  | { readonly do: 'ask'; readonly for: 'checkpoint' | 'model' };

/**
 * One thing that happens, at the `nth` time (from 1) that the simulation comes to a place, counted over all lives of the run:
 * `down:I` and `up:I` are frames to and from worker I, `host:T` is thread T with something to handle, `gradient:I` a gradient of
 * worker I, `disk` a call that changes something there, `wait` a wait of the server, `start` a start of the server.
 */
export type Fault = { readonly nth: number } & (
  | ({ readonly at: `down:${number}` | `up:${number}` } & FrameEffect)
  | ({ readonly at: `host:${number}` } & HostEffect)
  /** It is thrown, or is no number. */
  | { readonly at: `gradient:${number}`; readonly do: 'throw' | 'nan' }
  | ({ readonly at: 'disk' } & DiskEffect)
  | ({ readonly at: 'wait' } & WaitEffect)
  /** A bit of the newest checkpoint has changed while nobody looked. */
  | { readonly at: 'start'; readonly do: 'rot'; readonly bit: number }
);

/** A run and what happens to it: all of it data, so that it means the same later. */
export interface Schedule {
  /** Options of `train`; with `data: 'samples'` those of `configurations.ts`. */
  readonly options: OptionsInput;
  /** Whether the run has a folder. */
  readonly folder: boolean;
  /** Threads that the workers are on. */
  readonly threads: number;
  /** Frames take up to so many milliseconds, drawn from `seed`. */
  readonly jitter: { readonly ms: number; readonly seed: number };
  /** Rounds that the run is made longer by when it has ended. */
  readonly longer: number;
  readonly faults: readonly Fault[];
}

/** What comes in places that are counted: which fault is due. */
export class Faults {
  readonly #planned = new Map<string, Fault>();
  readonly #counts = new Map<string, number>();
  /** Those that have happened, in order. */
  readonly fired: Fault[] = [];
  #over = false;

  constructor(faults: readonly Fault[]) {
    for (const fault of faults) this.#planned.set(`${fault.at} ${fault.nth}`, fault);
  }

  /** The fault that happens now at this place, if there is one. */
  at(place: Fault['at']): Fault | undefined {
    const nth = (this.#counts.get(place) ?? 0) + 1;
    this.#counts.set(place, nth);
    if (this.#over) return undefined;
    const fault = this.#planned.get(`${place} ${nth}`);
    if (fault !== undefined) this.fired.push(fault);
    return fault;
  }

  /** Nothing more happens. */
  end(): void {
    this.#over = true;
  }

  get isOver(): boolean {
    return this.#over;
  }
}

/** One of a list. */
export function pick<T>(rng: Rng, list: readonly T[]): T {
  return list[rng.below(list.length)] as T;
}
