import type { Runtime } from '@flotilla/core';
import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import { duration } from './format.js';

/** How far a list of runs is. */
export interface WorkAt {
  readonly done: number;
  /** Asked for and not done; more may follow. */
  readonly left: number;
  /** Read from earlier records, neither done nor left. */
  readonly known: number;
  readonly secondsLeft: number;
}

/** Shows the work of a bench or a figure on stderr: a bar below the lines on a terminal, else a line every five seconds. */
export interface WorkProgress {
  log(line: string): void;
  progress(at: WorkAt): void;
  stop(): void;
}

const LINE_MS = 5000;

export function createWorkProgress(stream: NodeJS.WriteStream, runtime: Runtime): WorkProgress {
  return stream.isTTY ? bar(stream) : lines(stream, runtime);
}

function bar(stream: NodeJS.WriteStream): WorkProgress {
  const format = '{bar} {value}/{total} runs{text}';
  // the bar holds its place from the first run on, so that lines above it never cut it
  const bars = new MultiBar(
    { format, stream, barsize: 20, hideCursor: true, linewrap: false, fps: 5 },
    Presets.shades_grey,
  );
  let shown: SingleBar | undefined;
  return {
    log: (line) => (shown === undefined ? stream.write(`${line}\n`) : bars.log(`${line}\n`)),
    progress({ done, left, known, secondsLeft }) {
      const text = `, ${duration(secondsLeft)} left${known > 0 ? `, ${known} known from before` : ''}`;
      shown ??= bars.create(done + left, done, { text });
      shown.setTotal(done + left);
      shown.update(done, { text });
    },
    stop: () => bars.stop(),
  };
}

function lines(stream: NodeJS.WriteStream, runtime: Runtime): WorkProgress {
  let said = runtime.now();
  const log = (line: string) => void stream.write(`${line}\n`);
  return {
    log,
    progress({ done, left, known, secondsLeft }) {
      const now = runtime.now();
      if (now - said < LINE_MS) return;
      said = now;
      const before = known > 0 ? `, ${known} known from before` : '';
      log(`${done} runs done, ${left} to go${before}, about ${duration(secondsLeft)} left for these`);
    },
    stop() {},
  };
}
