import type { Explanation } from '@flotilla/server';
import { bytes, number } from '../terminal/format.js';

/** What theory says of the way to the target, as lines of an explanation. @param row One of its lines */
export function predictionLines(
  { prediction, workers }: Explanation,
  row: (name: string, value: string, note?: string) => string,
): string[] {
  if (prediction === undefined) return [];
  const { target, loss, lowerBound, delta, bound, reason } = prediction;
  const size = (value: number) => bytes(Math.round(value));
  return [
    '',
    'Bound on the way to the target: a worst case, no forecast (docs/complexity.md)',
    row('ε', number(target), '‖∇f‖² aimed at'),
    row('f(x⁰)', number(loss)),
    ...(lowerBound === undefined || delta === undefined
      ? []
      : [row('inf f ≥', number(lowerBound)), row('δ⁰', number(delta), 'f(x⁰) less that')]),
    ...(bound === undefined
      ? [row('bound', `none: ${reason}`)]
      : [
          row('rounds', bound.rounds.toLocaleString('en'), `bound: ${bound.formula}`),
          row('uplink', size(bound.uplinkBytes), 'bound on rounds × expected bytes of one, a worker'),
          row('downlink', size(bound.downlinkBytes), 'the same, a worker'),
          row(
            'total',
            size(workers * (bound.uplinkBytes + bound.downlinkBytes)),
            'the same, both links of all workers',
          ),
          row('then', bound.quantity),
        ]),
  ];
}
