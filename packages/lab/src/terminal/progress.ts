import type { Metrics, Options, Phase, Progress } from '@flotilla/server';
import { type Options as BarOptions, Presets, SingleBar } from 'cli-progress';
import { bytes, duration, number, rate } from './format.js';

/** Shows a run while it goes: always on stderr, which is not where results go. */
export interface ProgressDisplay {
  phase(phase: Phase): void;
  metrics(row: Metrics): void;
  progress(at: Progress): void;
  stop(): void;
}

/** Of a run's options, what its phases are told with. */
type Told = Pick<Options, 'workers' | 'data'>;

/** A bar on a terminal, a line for each phase and evaluated round anywhere else. */
export function createProgressDisplay(stream: NodeJS.WriteStream, run: Told, rounds: number): ProgressDisplay {
  return stream.isTTY ? bar(stream, run, rounds) : lines(stream, run);
}

/** What a run does before its rounds; they speak for themselves. */
function phaseText(phase: Phase, { workers, data }: Told): string | undefined {
  const texts: Partial<Record<Phase, string>> = {
    starting: 'starting threads',
    loading: data === undefined ? 'reading data and planning' : `reading ${data} and planning`,
    building: workers === 1 ? 'building the function of 1 worker' : `building the functions of ${workers} workers`,
    evaluating: 'evaluating the starting point',
  };
  return texts[phase];
}

const CLEAR_LINE = '\r\x1b[K';

function bar(stream: NodeJS.WriteStream, run: Told, rounds: number): ProgressDisplay {
  let loss = '-';
  let gradient = '-';
  let metric = '';
  let started = false;
  const total = Number.isFinite(rounds) ? rounds : 0;
  // everything fits 80 columns; a wide terminal gets a longer bar and more air
  const wide = stream.columns >= 110;
  const gap = wide ? ' · ' : ' ';
  const format = total === 0 ? '{text}' : wide ? '{bar} {percentage}% {text}' : '{bar} {text}';
  const options: BarOptions = { format, stream, barsize: wide ? 16 : 5, hideCursor: true, linewrap: false };
  const shown = new SingleBar({ ...options, fps: 10 }, Presets.shades_grey);
  const show = ({ round, seconds, uplinkBytes, downlinkBytes }: Progress) => {
    const pace = seconds > 0 ? round / seconds : 0;
    const text = [
      total > 0 ? `${round}/${total}` : `${round}`,
      `f ${loss}`,
      metric === '' || wide ? `‖∇f‖² ${gradient}` : '',
      metric,
      `↑${bytes(uplinkBytes)} ↓${bytes(downlinkBytes)}`,
      `${rate(pace)} rounds/s`,
      ...(total > 0 && pace > 0 ? [`${duration((total - round) / pace)} left`] : []),
    ]
      .filter((part) => part !== '')
      .join(gap);
    if (started) return shown.update(round, { text });
    stream.write(CLEAR_LINE);
    shown.start(Math.max(total, 1), round, { text });
    started = true;
  };
  return {
    metrics(row) {
      loss = number(row.loss);
      gradient = number(row.gradNormSq);
      metric = metricOf(row);
      show(position(row));
    },
    progress: show,
    phase(phase) {
      const text = phaseText(phase, run);
      if (!started && text !== undefined) stream.write(`${CLEAR_LINE}${text.slice(0, (stream.columns || 80) - 3)} …`);
    },
    stop() {
      if (started) shown.stop();
      else stream.write(CLEAR_LINE);
    },
  };
}

function lines(stream: NodeJS.WriteStream, run: Told): ProgressDisplay {
  return {
    phase(phase) {
      const text = phaseText(phase, run);
      if (text !== undefined) stream.write(`${text}\n`);
    },
    metrics(row) {
      const { round, seconds, uplinkBytes, downlinkBytes } = position(row);
      const pace = seconds > 0 && round > 0 ? `  ${rate(round / seconds)} rounds/s` : '';
      const metric = metricOf(row);
      stream.write(
        `round ${round}  f ${number(row.loss)}  ‖∇f‖² ${number(row.gradNormSq)}  ${metric === '' ? '' : `${metric}  `}up ${bytes(uplinkBytes)}  down ${bytes(downlinkBytes)}${pace}\n`,
      );
    },
    progress() {},
    stop() {},
  };
}

/** The first metric, that of the validation data where there are any: `accuracy 0.981`. */
function metricOf({ metrics, validation }: Metrics): string {
  const [first] = Object.entries(validation ?? metrics ?? {}).filter(([name]) => name !== 'loss');
  if (first !== undefined) return `${first[0]} ${first[1].toPrecision(3)}`;
  return validation === undefined ? '' : `validation f ${number(validation.loss)}`;
}

function position({ round, seconds, uplink, downlink }: Metrics): Progress {
  return { round, seconds, uplinkBytes: uplink.frameBytes, downlinkBytes: downlink.frameBytes };
}
