// @ts-check
import { h, setText } from './dom.js';
import { count, duration, percent } from './format.js';

/** @import { Meters } from './api.js' */
/** @import { Sample, Watch } from './watch.js' */

/** @type {['downlink' | 'waiting' | 'uplink' | 'step', string, string][]} */
const PARTS = [
  ['downlink', 'downlink', 'the server moves x and encodes what goes down'],
  ['waiting', 'waiting', 'the server waits for workers'],
  ['uplink', 'uplink', 'the server decodes what came up and adds it'],
  ['step', 'step', "the server's step"],
];

/** Upper bounds of the counts of rounds, in seconds, as the server has them: 1, 2 and 5 of each power of ten. */
const BOUNDS = Array.from({ length: 19 }, (_, k) => [1, 2, 5][k % 3] * 10 ** (Math.floor(k / 3) - 4));
/** What is called lately, in seconds of rounds. */
const LATELY = 10;

/** Where a round's time goes, and how long rounds take. */
export class RoundTime {
  constructor(/** @type {HTMLElement} */ place) {
    /** @type {Meters | undefined} */
    this.shown = undefined;
    this.bars = [sharesBar('whole run'), sharesBar('lately')];
    this.table = h('tbody');
    this.legend = h(
      'table',
      { class: 'shares-table' },
      h('caption', { class: 'sr-only' }, "Where a round's time goes"),
      h(
        'thead',
        {},
        h('tr', {}, ...['part', 'a round', 'whole run', 'lately'].map((text) => h('th', { scope: 'col' }, text))),
      ),
      this.table,
    );
    this.cells = PARTS.map(([part, name, text]) => {
      const cells = [h('td'), h('td'), h('td')];
      const head = h('th', { scope: 'row', title: text }, h('span', { class: `key ${part}` }), name);
      this.table.append(h('tr', {}, head, ...cells));
      return cells;
    });
    this.histogram = h('div', { class: 'histogram', role: 'img' });
    this.typical = h('p', { class: 'note' });
    this.columns = Array.from({ length: BOUNDS.length + 1 }, (_, k) => {
      const bar = h('div', { class: 'bar' });
      const label = h(
        'span',
        { class: 'label' },
        k < BOUNDS.length ? duration(BOUNDS[k]) : `> ${duration(BOUNDS[k - 1])}`,
      );
      const column = h('div', { class: 'column' }, h('div', { class: 'well' }, bar), label);
      this.histogram.append(column);
      return { column, bar };
    });
    place.append(
      h('div', { class: 'shares' }, ...this.bars.map(({ element }) => element), this.legend),
      h('figure', { class: 'times' }, h('figcaption', {}, 'How long rounds take'), this.histogram, this.typical),
    );
  }

  update(/** @type {Watch} */ { meters, samples }) {
    if (meters === undefined || meters === this.shown || meters.roundSeconds <= 0) return;
    this.shown = meters;
    const rounds = meters.roundTimes.reduce((sum, one) => sum + one, 0);
    const lately = differenceOf(meters, samples.items());
    for (const [k, shares] of [meters.shares, lately].entries()) this.bars[k].show(shares);
    const sums = [meters.shares, lately].map((shares) => PARTS.reduce((sum, [part]) => sum + shares[part], 0));
    for (const [k, [part]] of PARTS.entries()) {
      const [each, whole, late] = this.cells[k];
      setText(each, duration(meters.shares[part] / Math.max(1, rounds)));
      setText(whole, percent(meters.shares[part] / sums[0]));
      setText(late, percent(lately[part] / sums[1]));
    }
    this.#showTimes(meters, rounds);
  }

  #showTimes(/** @type {Meters} */ { roundTimes, roundSeconds }, /** @type {number} */ rounds) {
    const first = Math.max(0, roundTimes.findIndex((one) => one > 0) - 1);
    const last = Math.min(roundTimes.length - 1, roundTimes.findLastIndex((one) => one > 0) + 1);
    const most = Math.max(...roundTimes);
    for (const [k, { column, bar }] of this.columns.entries()) {
      column.hidden = k < first || k > last;
      bar.style.height = `${(100 * roundTimes[k]) / most}%`;
      column.title = `${count(roundTimes[k])} rounds`;
    }
    const within = (/** @type {number} */ share) => {
      let sum = 0;
      const k = roundTimes.findIndex((one) => {
        sum += one;
        return sum >= share * rounds;
      });
      return k < BOUNDS.length ? `at most ${duration(BOUNDS[k])}` : `more than ${duration(BOUNDS[k - 1])}`;
    };
    const text = `${count(rounds)} rounds: ${duration(roundSeconds / rounds)} on average, half of them ${within(0.5)}, 99 % ${within(0.99)}.`;
    setText(this.typical, text);
    this.histogram.setAttribute('aria-label', `How long rounds take. ${text}`);
  }
}

/** What the shares grew by in the last seconds. @returns {Meters['shares']} */
function differenceOf(/** @type {Meters} */ { shares, roundSeconds }, /** @type {Sample[]} */ samples) {
  const from = samples.findLast((one) => one.roundSeconds <= roundSeconds - LATELY);
  const { downlink = 0, waiting = 0, uplink = 0, step = 0 } = from?.shares ?? {};
  return {
    downlink: shares.downlink - downlink,
    waiting: shares.waiting - waiting,
    uplink: shares.uplink - uplink,
    step: shares.step - step,
  };
}

/** One bar of four parts. */
function sharesBar(/** @type {string} */ name) {
  const parts = PARTS.map(([part]) => h('span', { class: `part ${part}` }));
  const bar = h('div', { class: 'shares-bar', role: 'img' }, ...parts);
  return {
    element: h('div', { class: 'shares-row' }, h('span', { class: 'name' }, name), bar),
    show(/** @type {Meters['shares']} */ shares) {
      const sum = PARTS.reduce((all, [part]) => all + shares[part], 0);
      for (const [k, [part]] of PARTS.entries()) {
        const share = sum > 0 ? shares[part] / sum : 0;
        parts[k].style.flexGrow = String(share);
        setText(parts[k], share >= 0.12 ? percent(share) : '');
      }
      const texts = PARTS.map(([part, label]) => `${label} ${percent(sum > 0 ? shares[part] / sum : 0)}`);
      bar.setAttribute('aria-label', `Where a round's time goes, ${name}: ${texts.join(', ')}`);
    },
  };
}
