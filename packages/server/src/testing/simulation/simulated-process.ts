import type { Runtime } from '@flotilla/core';
import { Rng } from '@flotilla/core';
import { SimulatedRuntime } from '@flotilla/protocol/testing';
import type { Faults } from './schedule.js';
import { type Access, type BeforeChange, SimulatedDisk } from './simulated-disk.js';

/** Steps and hours of a simulation that is taken for one that never ends. */
const MAX_STEPS = 500_000;
const MAX_MS = 100 * 3600 * 1000;

/** What ends the simulation itself. */
export class Stuck extends Error {
  override readonly name = 'Stuck';
}

/** The machine: what is still there when a process has ended. */
export class SimulatedWorld {
  readonly clock = new SimulatedRuntime();
  readonly disk = new SimulatedDisk();
  steps = 0;
  /** Why it is taken for stuck. */
  stuck: Stuck | undefined;

  constructor(readonly faults: Faults) {}

  /** Called wherever the run waits, writes or lets others run. */
  step(): void {
    this.steps++;
    if (this.stuck !== undefined) throw this.stuck;
    if (this.steps <= MAX_STEPS && this.clock.now() <= MAX_MS) return;
    this.stuck = new Stuck(`it does not end: ${this.steps} steps, ${Math.round(this.clock.now() / 1000)} s`);
    throw this.stuck;
  }
}

/** What a dead process comes upon. */
class Killed extends Error {
  override readonly name = 'Killed';
}

/** One life of the server's process, as its run sees it: time, and the disk. Nothing that a dead one does has any effect. */
export class SimulatedProcess implements Runtime {
  #alive = true;
  /** Calls that find the disk full from now on. */
  #full = 0;
  #ended: () => void = () => undefined;
  /** Resolves when it has been killed. */
  readonly killed = new Promise<'killed'>((resolve) => {
    this.#ended = () => resolve('killed');
  });
  readonly access: Access;

  constructor(readonly world: SimulatedWorld) {
    this.access = world.disk.access(this.#beforeChange);
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Ends it here and now. @param power Of a power cut: what draws what survives */
  kill(power: number | undefined): never {
    if (this.#alive) {
      this.#alive = false;
      this.#ended();
      if (power !== undefined) this.world.disk.cutPower(new Rng().seed(power, 1, 2));
    }
    throw new Killed('the process has been killed');
  }

  /** @throws Killed when there is nobody any more */
  step(): void {
    if (!this.#alive) throw new Killed('the process has been killed');
    this.world.step();
  }

  readonly #beforeChange: BeforeChange = (call, half) => {
    this.step();
    const fault = this.world.faults.at('disk');
    if (this.#full > 0 || fault?.do === 'full') {
      this.#full = fault?.do === 'full' ? fault.calls : this.#full;
      this.#full--;
      if (['open', 'write', 'mkdir', 'rename', 'link'].includes(call)) {
        half();
        throw Object.assign(new Error(`ENOSPC: no space left on device, ${call}`), { code: 'ENOSPC' });
      }
    }
    if (fault?.do !== 'kill') return undefined;
    if (fault.when === 'within') half();
    if (fault.when !== 'after') this.kill(fault.power);
    return () => this.kill(fault.power);
  };

  now(): number {
    return this.world.clock.now();
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.world.steps++;
    if (this.#alive) await this.world.clock.sleep(ms, signal);
    // the dead do not wake
    if (!this.#alive) await new Promise(() => undefined);
  }

  async yield(): Promise<void> {
    this.step();
  }

  block(ms: number): void {
    this.step();
    this.world.clock.advance(ms);
  }
}
