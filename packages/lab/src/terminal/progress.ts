import { type Runtime, systemRuntime } from '@flotilla/core';
import type { Metrics, Options, Phase, Progress, Reporter } from '@flotilla/server';
import { MultiBar } from 'cli-progress';
import { fit, type Part } from './fit.js';
import { bytes, duration, number, rate, shortBytes } from './format.js';
import { Pace } from './pace.js';
import { type Style, styleOf } from './style.js';
import { wrapped } from './wrap.js';

/** Shows a run while it goes: always on stderr, which is not where results go. */
export interface ProgressDisplay extends Reporter {
  /** Says something beside it. */
  say(line: string): void;
  /** Nothing more is shown. May be called again. */
  stop(): void;
}

/** A bar on a terminal, plain lines anywhere else. */
export function createProgressDisplay(
  stream: NodeJS.WriteStream,
  options: Options,
  runtime: Runtime = systemRuntime,
): ProgressDisplay {
  // a continuous integration may have a terminal, and keeps what is written to it
  const { CI = '', TERM } = process.env;
  const isTerminal = stream.isTTY && TERM !== 'dumb' && ['', '0', 'false'].includes(CI);
  return isTerminal ? bar(stream, options, runtime) : lines(stream, options, runtime);
}

/** What a run does before its rounds, in words and in few; rounds speak for themselves. */
function phaseText(phase: Phase, { workers, data }: Options): readonly [string, string] | undefined {
  const functions = workers === 1 ? 'the function of 1 worker' : `the functions of ${workers} workers`;
  const texts: Partial<Record<Phase, readonly [string, string]>> = {
    starting: ['starting threads', 'starting'],
    loading: [`reading ${data ?? 'data'} and planning`, 'reading data'],
    building: [`building ${functions}`, 'building functions'],
    evaluating: ['evaluating the starting point', 'evaluating x⁰'],
  };
  return texts[phase];
}

const FPS = 10;
/** Below that many columns there are two lines. */
const ONE_LINE = 80;
const LONGEST_BAR = 20;
/** A bar's part of a line. */
const BAR_SHARE = 0.1;

function bar(stream: NodeJS.WriteStream, options: Options, runtime: Runtime): ProgressDisplay {
  const style = styleOf(stream);
  const pace = new Pace(options);
  const began = runtime.now();
  let phase: Part = [''];
  let row: Metrics | undefined;
  let place: Progress | undefined;
  /** A line that is the same is not drawn again: not even below what was said. */
  let drawn = 0;

  const draw = (line: number): string => {
    const seconds = (runtime.now() - began) / 1000;
    const width = columnsOf(stream) - 1;
    const texts =
      place === undefined
        ? [fit([phase, [style.label(duration(seconds))]], [0], width)]
        : roundLines({ place, row, pace, seconds, now: runtime.now(), width, style });
    return `${texts[line] ?? ''}${'\x1b[m'.repeat(drawn % 2)}`;
  };
  const bars = new MultiBar({ format: '', stream, hideCursor: true, linewrap: false, fps: FPS });
  const line = (at: number) => bars.create(1, 0, {}, { format: () => draw(at) });
  let second: ReturnType<typeof line> | undefined;
  /** There is a second line where there is no room for one. */
  const settle = () => {
    if (!isShown) return;
    const isNarrow = place !== undefined && columnsOf(stream) < ONE_LINE;
    if (isNarrow && second === undefined) second = line(1);
    if (isNarrow || second === undefined) return;
    bars.remove(second);
    second = undefined;
  };
  const reach = (at: Progress) => {
    place = at;
    pace.reach(at, runtime.now());
    show();
    settle();
  };
  let isShown = false;
  let isOver = false;
  const show = () => {
    if (isShown || isOver) return;
    isShown = true;
    line(0);
    stream.on('resize', settle);
    // whoever ends the process leaves the terminal as it was
    process.once('exit', display.stop);
  };
  const display: ProgressDisplay = {
    phase(next) {
      phase = phaseText(next, options) ?? phase;
      show();
    },
    row(next) {
      row = next;
      reach(placeOf(next));
    },
    progress: reach,
    event: ({ type, message }) => (type === 'checkpoint' ? undefined : display.say(message)),
    say(text) {
      if (!isShown) return void stream.write(`${text}\n`);
      // the terminal breaks what is longer than a line, such as an address
      const lines = wrapped(text, columnsOf(stream) - 1).map((line) => `${line}\x1b[K\n`);
      bars.log(`\x1b[?7h${lines.join('')}\x1b[?7l`);
      drawn++;
    },
    end: () => display.stop(),
    stop() {
      isOver = true;
      if (!isShown) return;
      isShown = false;
      stream.off('resize', settle);
      process.off('exit', display.stop);
      bars.update();
      bars.stop();
    },
  };
  return display;
}

interface Shown {
  readonly place: Progress;
  readonly row: Metrics | undefined;
  readonly pace: Pace;
  readonly seconds: number;
  readonly now: number;
  readonly width: number;
  readonly style: Style;
}

/** Where a run is: in one line, or in two where there is no room for one. */
function roundLines({ place, row, pace, seconds, now, width, style }: Shown): string[] {
  const { label, strong } = style;
  const { round, uplinkBytes, downlinkBytes } = place;
  const { fraction, roundsPerSecond, isAtMost } = pace;
  const named = (name: string, value: string) => `${label(name)} ${strong(value)}`;
  const value = (read: (row: Metrics) => number) => (row === undefined ? '-' : number(read(row)));
  const metric = row === undefined ? undefined : metricOf(row);
  const left = pace.secondsLeft(now);
  const elapsed = duration(seconds);
  const links = (as: (count: number) => string) => `${label('↑')}${as(uplinkBytes)} ${label('↓')}${as(downlinkBytes)}`;
  const count: Part = [Number.isFinite(pace.rounds) ? `${round}/${pace.rounds}` : `round ${round}`];
  const percent: Part = [fraction === undefined ? '' : `${Math.floor(100 * fraction)}%`, ''];
  const f: Part = [
    named(
      'f',
      value(({ loss }) => loss),
    ),
  ];
  const gradient: Part = [
    named(
      '‖∇f‖²',
      value(({ gradNormSq }) => gradNormSq),
    ),
  ];
  const other: Part = metric === undefined ? [''] : [named(...metric), ''];
  const sent: Part = [links(bytes), links(shortBytes)];
  const pace1 = roundsPerSecond === undefined ? '' : rate(roundsPerSecond);
  const speed: Part = pace1 === '' ? [''] : [`${pace1} ${label('rounds/s')}`, `${pace1}${label('/s')}`];
  const toGo = `${isAtMost ? '≤ ' : ''}${duration(left ?? 0)}`;
  const time: Part =
    fraction === 1 || left === undefined
      ? [label(elapsed)]
      : [`${label(`${elapsed},`)} ${toGo} ${label('left')}`, `${toGo} ${label('left')}`, toGo];
  const withBar = (text: (room: number) => string): string => {
    if (fraction === undefined) return text(width);
    // as wide whatever the numbers beside it are, so that it does not twitch
    const columns = Math.min(LONGEST_BAR, Math.max(5, Math.floor(BAR_SHARE * width)));
    return `${barText(fraction, columns, style)} ${text(width - 1 - columns)}`;
  };
  if (width + 1 < ONE_LINE) {
    const first = withBar((room) => fit([count, percent, speed, time], [3, 1, 2, 3], room));
    return [first, fit([f, gradient, other, sent], [2, 3], width)];
  }
  return [withBar((room) => fit([count, percent, f, gradient, other, sent, speed, time], [1, 7, 4, 6, 5, 7], room))];
}

function barText(fraction: number, width: number, { done, label }: Style): string {
  const full = Math.round(fraction * width);
  return `${done('█'.repeat(full))}${label('░'.repeat(width - full))}`;
}

/** So many rows are written as they come; then one a second. */
const FIRST_ROWS = 20;
const ROW_MS = 1000;
/** Nothing is silent for longer. */
const SILENCE_MS = 30_000;

/** Lines for a log: without control characters, and not one for each of thousands of rows. */
function lines(stream: NodeJS.WriteStream, options: Options, runtime: Runtime): ProgressDisplay {
  const pace = new Pace(options);
  let written = 0;
  let wroteAt = runtime.now();
  let left: Metrics | undefined;
  let phase: string | undefined;
  const began = runtime.now();
  const say = (line: string) => {
    wroteAt = runtime.now();
    stream.write(`${line}\n`);
  };
  const places = ({ uplinkBytes, downlinkBytes }: Progress) => {
    const speed = pace.roundsPerSecond;
    const pacing = speed === undefined ? '' : `  ${rate(speed)} rounds/s`;
    return `up ${bytes(uplinkBytes)}  down ${bytes(downlinkBytes)}${pacing}`;
  };
  const write = (row: Metrics) => {
    const metric = metricOf(row);
    const values = `f ${number(row.loss)}  ‖∇f‖² ${number(row.gradNormSq)}${metric === undefined ? '' : `  ${metric.join(' ')}`}`;
    written++;
    left = undefined;
    say(`round ${row.round}  ${values}  ${places(placeOf(row))}`);
  };
  const over = new AbortController();
  const watch = async () => {
    while (!over.signal.aborted) {
      await runtime.sleep(ROW_MS, over.signal);
      if (phase === undefined || runtime.now() - wroteAt < SILENCE_MS) continue;
      say(`${phase}: ${duration((runtime.now() - began) / 1000)} so far`);
    }
  };
  void watch();
  return {
    phase(next) {
      phase = phaseText(next, options)?.[0];
      if (phase !== undefined) say(phase);
    },
    row(row) {
      phase = undefined;
      pace.reach(placeOf(row), runtime.now());
      left = row;
      if (written < FIRST_ROWS || runtime.now() - wroteAt >= ROW_MS) write(row);
    },
    progress(at) {
      pace.reach(at, runtime.now());
      if (runtime.now() - wroteAt >= SILENCE_MS) say(`round ${at.round}  ${places(at)}`);
    },
    event: ({ type, message }) => (type === 'checkpoint' ? undefined : say(message)),
    say,
    end() {
      if (left !== undefined) write(left);
    },
    stop() {
      phase = undefined;
      over.abort();
    },
  };
}

/** The first metric, that of the validation data where there are any: `accuracy`, `0.981`. */
function metricOf({ metrics, validation }: Metrics): [name: string, value: string] | undefined {
  const [first] = Object.entries(validation ?? metrics ?? {}).filter(([name]) => name !== 'loss');
  if (first !== undefined) return [first[0], first[1].toPrecision(3)];
  return validation === undefined ? undefined : ['validation f', number(validation.loss)];
}

function placeOf({ round, seconds, uplink, downlink }: Metrics): Progress {
  return { round, seconds, uplinkBytes: uplink.frameBytes, downlinkBytes: downlink.frameBytes };
}

const columnsOf = (stream: NodeJS.WriteStream) => stream.columns || 80;
