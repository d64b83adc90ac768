// @ts-check
import { Chart } from './chart.js';

/** @import { Row } from './api.js' */
/** @import { Curve } from './chart.js' */
/** @import { Sample, Watch } from './watch.js' */

/** Bytes a round of either link: dense and compressed from the meters, all of them from the rows. */
export class BytesARound {
  #uplink = new Chart('Uplink bytes a round', { yUnit: 'bytes', fromZero: true });
  #downlink = new Chart('Downlink bytes a round', { yUnit: 'bytes', fromZero: true });

  /** @type {Row | undefined} */
  #rows;
  /** @type {Sample | undefined} */
  #sample;

  constructor(/** @type {HTMLElement} */ place) {
    place.append(this.#uplink.element, this.#downlink.element);
  }

  update(/** @type {Watch} */ watch) {
    const { rows, samples } = watch;
    if (rows.last !== undefined && rows.last === this.#rows && samples.last === this.#sample) return;
    this.#rows = rows.last;
    this.#sample = samples.last;
    this.#show(this.#uplink, watch, 'uplink');
    this.#show(this.#downlink, watch, 'downlink');
  }

  #show(/** @type {Chart} */ chart, /** @type {Watch} */ { rows, samples }, /** @type {'uplink' | 'downlink'} */ link) {
    chart.show(() => ({
      curves: [
        aRound('all', 5, rows.items(), (/** @type {Row} */ row) => row[link].frameBytes),
        ...(samples.length < 2
          ? []
          : [
              aRound('dense', 1, samples.items(), (/** @type {Sample} */ one) => one[link].dense),
              aRound('compressed', 0, samples.items(), (/** @type {Sample} */ one) => one[link].compressed),
            ]),
      ],
      xLabel: 'rounds',
      xLog: false,
      yLog: false,
    }));
  }
}

/** More means than this are noise: a method tosses coins for its dense rounds. */
const MEANS = 120;

/**
 * What a sum grew by in a round, on average between items that are a part in {@link MEANS} of all rounds apart, or more.
 * @template {{ round: number }} T
 * @param {string} name
 * @param {number} place
 * @param {T[]} items
 * @param {(item: T) => number} sum
 * @returns {Curve}
 */
function aRound(name, place, items, sum) {
  const xs = [];
  const ys = [];
  const [first] = items;
  const least = first === undefined ? 1 : Math.max(1, (items[items.length - 1].round - first.round) / MEANS);
  let before = first;
  for (const item of items) {
    const rounds = item.round - before.round;
    if (rounds < least) continue;
    xs.push(item.round);
    ys.push((sum(item) - sum(before)) / rounds);
    before = item;
  }
  return { name, place, xs, ys };
}
