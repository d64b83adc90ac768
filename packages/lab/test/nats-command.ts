import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { main } from './command-line.js';

/** A process of the command line, and what it has said. */
export class Command {
  said = '';
  readonly #process: ChildProcess;
  readonly ended: Promise<number | null>;

  constructor(folder: string, words: readonly string[], variables = {}) {
    this.#process = spawn(process.execPath, [main, ...words], {
      cwd: folder,
      env: { ...process.env, ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on('data', (text) => {
        this.said += text;
      });
    }
    this.ended = once(this.#process, 'exit').then(([code]) => code as number | null);
  }

  /** @param times How often it must have said that */
  async until(words: string, times = 1): Promise<void> {
    while (this.said.split(words).length <= times) {
      if (this.#process.exitCode !== null) throw new Error(`it ended before “${words}”:\n${this.said}`);
      await setTimeout(5);
    }
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#process.kill(signal);
    await this.ended;
  }
}
