import { denseFrameBytes, type Summary } from '@flotilla/server';
import { bytes, duration, number, rate } from '../terminal/format.js';
import type { Style } from '../terminal/style.js';
import { wrapped } from '../terminal/wrap.js';

/** The metrics on the training data and on the validation data, a line each, where there are any. */
function metricLines({ metrics, validation }: Summary): string[] {
  const line = (what: string, values: Readonly<Record<string, number>> | null) =>
    values === null
      ? []
      : [
          `${what}: ${Object.entries(values)
            .map(([name, value]) => `${name} ${number(value)}`)
            .join(', ')}`,
        ];
  return [...line('training', metrics), ...line('validation', validation)];
}

/** Frames that were refused, by why, where there were any. */
function refusedLine({ refused }: Summary): string[] {
  if (refused === undefined) return [];
  const counts = Object.entries(refused).map(([why, count]) => `${count} ${why}`);
  return [`frames refused: ${counts.join(', ')}`];
}

/** Columns that the whole table needs. */
const WHOLE = 64;

/** How a closing table is shown. */
export interface Shown {
  /** Columns of the terminal; infinite for what is none. */
  readonly width: number;
  readonly style: Style;
  /** Commands that may come next. */
  readonly next: readonly string[];
}

/** What a run came to, its measured bytes beside what gradient descent would have sent, where it lies, and what can be done with it. */
export function closingTable(summary: Summary, folder: string, { width, style, next }: Shown): string {
  const gd = denseFrameBytes(summary);
  const { uplink, downlink } = summary;
  const isWhole = width >= WHOLE;
  const row = (name: string, messages: number, payload: number, frame: number, dense: number) => [
    ...[name, ...(isWhole ? [String(messages), bytes(payload)] : [])],
    ...[bytes(frame), bytes(dense), `${(dense / frame).toPrecision(3)} ×`],
  ];
  const table = [
    isWhole ? ['', 'messages', 'payload', 'frames', 'GD, same rounds', 'fewer'] : ['', 'frames', 'GD', 'fewer'],
    row('uplink', uplink.messages, uplink.payloadBytes, uplink.frameBytes, gd),
    row('downlink', downlink.messages, downlink.payloadBytes, downlink.frameBytes, gd),
    row(
      ...(['total', uplink.messages + downlink.messages, uplink.payloadBytes + downlink.payloadBytes] as const),
      ...([uplink.frameBytes + downlink.frameBytes, 2 * gd] as const),
    ),
  ];
  const widths = (table[0] as string[]).map((_, column) =>
    Math.max(...table.map((cells) => cells[column]?.length ?? 0)),
  );
  const align = (cell: string, k: number) => (k === 0 ? cell.padEnd(widths[k] ?? 0) : cell.padStart(widths[k] ?? 0));
  const tableLine = (cells: readonly string[], line: number) => {
    const aligned = cells.map(align);
    if (line === 0) return style.label(aligned.join('   '));
    return [...aligned.slice(0, -1), style.strong(aligned.at(-1) ?? '')].join('   ');
  };
  const { method, problem, workers, rounds, loss, gradNormSq, wallSeconds, stepSize } = summary;
  const { link, linkModel, modelSeconds, output, outputRound } = summary;
  const eachRound = (seconds: number) => `${rate((1000 * seconds) / Math.max(rounds, 1))} ms a round`;
  const texts = [
    `${method} on ${problem}: ${workers} workers, ${rounds} rounds, step size ${number(stepSize)} (stopped by ${summary.stopReason})`,
    `f ${number(loss)}, ‖∇f‖² ${number(gradNormSq)} in ${duration(wallSeconds)} (${eachRound(wallSeconds)})`,
    ...(output === undefined ? [] : [`the model is x^${outputRound}: --output ${output}`]),
    ...metricLines(summary),
    ...refusedLine(summary),
    ...(link === null ? [] : [`each link ${link}`]),
    ...(modelSeconds === null
      ? []
      : [`${duration(modelSeconds)} (${eachRound(modelSeconds)}) if each link were ${linkModel}`]),
  ];
  return [
    '',
    ...texts.flatMap((text) => wrapped(text, width)),
    '',
    ...table.map(tableLine),
    '',
    `run folder: ${folder}`,
    ...wrapped('report.html there shows its curves, model.safetensors is its model', width),
    '',
    'next, for example:',
    ...next,
    '',
  ].join('\n');
}
