// @ts-check
import { byId, h, setText } from './dom.js';
import { bytes, count, duration, number } from './format.js';
import { median, stragglers } from './stragglers.js';
import { WorkerGrid } from './worker-grid.js';

/** @import { Meters, Row } from './api.js' */
/** @import { Choices } from './choices.js' */
/** @import { Watch } from './watch.js' */

/** @typedef {keyof Meters['workers']} Measure */

/** @type {Record<Measure, { label: string, short: string, show: (value: number) => string }>} */
const MEASURES = {
  computeSeconds: { label: 'seconds computing', short: 'computing', show: duration },
  waitedSeconds: { label: 'seconds waited for', short: 'waited for', show: duration },
  uplinkBytes: { label: 'uplink bytes', short: 'uplink', show: bytes },
  downlinkBytes: { label: 'downlink bytes', short: 'downlink', show: bytes },
  losses: { label: 'losses', short: 'losses', show: count },
};
const KEYS = /** @type {Measure[]} */ (Object.keys(MEASURES));
const PAGE = 10;

/** What each worker does: a grid to see who is slow, a line that says it, and a table to read it. */
export class Workers {
  #chosen = -1;
  /** @type {Watch | undefined} */
  #watch;
  /** @type {Meters | undefined} */
  #shown;
  /** @type {{ by: Measure | 'worker', down: boolean }} */
  #order = { by: 'computeSeconds', down: true };
  #rows = PAGE;

  constructor(/** @type {Choices} */ choices, /** @type {() => void} */ onChoice) {
    this.choices = choices;
    this.grid = new WorkerGrid((worker) => this.#choose(worker));
    byId('workers-grid').append(this.grid.element);
    this.summary = byId('workers-summary');
    this.detail = byId('worker-detail');
    this.input = /** @type {HTMLInputElement} */ (byId('worker-number'));
    this.input.oninput = () => this.#choose(this.input.value === '' ? -1 : Number(this.input.value));
    this.select = /** @type {HTMLSelectElement} */ (byId('worker-measure'));
    for (const key of KEYS) this.select.append(h('option', { value: key }, MEASURES[key].label));
    this.select.value = KEYS.includes(/** @type {Measure} */ (choices.worker)) ? choices.worker : 'computeSeconds';
    this.select.onchange = () => {
      choices.worker = this.select.value === 'computeSeconds' ? '' : this.select.value;
      onChoice();
      this.#show();
    };
    this.body = byId('workers-body');
    this.more = byId('workers-more');
    this.more.onclick = () => {
      this.#rows += 5 * PAGE;
      this.#show();
    };
    this.heads = this.#makeHeads();
  }

  #makeHeads() {
    const row = byId('workers-head');
    return /** @type {const} */ (['worker', ...KEYS]).map((key) => {
      const button = h('button', { type: 'button' }, key === 'worker' ? 'worker' : MEASURES[key].short);
      const head = h('th', { scope: 'col' }, button);
      button.onclick = () => {
        const down = this.#order.by === key ? !this.#order.down : key !== 'worker';
        this.#order = { by: key, down };
        this.#show();
      };
      row.append(head);
      return { key, head };
    });
  }

  #choose(/** @type {number} */ worker) {
    if (worker === this.#chosen) return;
    this.#chosen = worker;
    if (document.activeElement !== this.input) this.input.value = worker < 0 ? '' : String(worker);
    this.#show();
  }

  update(/** @type {Watch} */ watch) {
    if (watch === this.#watch && watch.meters === this.#shown) return;
    this.#shown = watch.meters;
    if (watch !== this.#watch) {
      this.#chosen = -1;
      this.input.value = '';
      this.#rows = PAGE;
    }
    this.#watch = watch;
    this.#show();
  }

  #show() {
    const watch = this.#watch;
    if (watch?.meters === undefined) return;
    const { workers, restarts } = watch.meters;
    const n = workers.computeSeconds.length;
    const measure = /** @type {Measure} */ (this.select.value);
    const values = workers[measure];
    const middle = median(values);
    const slow = stragglers(workers);
    this.input.max = String(n - 1);
    this.grid.show(values, middle, slow, this.#chosen);
    this.grid.canvas.setAttribute(
      'aria-label',
      `${count(n)} workers coloured by ${MEASURES[measure].label}, ${MEASURES[measure].show(middle)} at the median`,
    );
    setText(this.summary, summaryOf(workers, slow, restarts) + lateOf(watch.rows.last));
    const chosen = this.#chosen;
    const known = Number.isInteger(chosen) && chosen >= 0 && chosen < n;
    const texts = KEYS.map((key) => `${MEASURES[key].short} ${MEASURES[key].show(workers[key][chosen])}`);
    setText(this.detail, known ? `worker ${chosen}: ${texts.join(' · ')}` : 'Point at a worker, or type its number.');
    this.#fill(workers, slow);
  }

  #fill(/** @type {Meters['workers']} */ workers, /** @type {Set<number>} */ slow) {
    const { by, down } = this.#order;
    const n = workers.computeSeconds.length;
    for (const { key, head } of this.heads) {
      if (key === by) head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    }
    const order = Array.from({ length: n }, (_, worker) => worker);
    const of = (/** @type {number} */ worker) => (by === 'worker' ? worker : workers[by][worker]);
    order.sort((a, b) => (down ? of(b) - of(a) : of(a) - of(b)) || a - b);
    const length = Math.min(n, this.#rows);
    while (this.body.children.length > length) this.body.lastElementChild?.remove();
    while (this.body.children.length < length) {
      this.body.append(h('tr', {}, h('th', { scope: 'row' }), ...KEYS.map(() => h('td'))));
    }
    for (let k = 0; k < length; k++) {
      const worker = order[k];
      const [head, ...cells] = this.body.children[k].children;
      setText(head, slow.has(worker) ? `${worker} ◆ slow` : String(worker));
      for (const [c, key] of KEYS.entries()) setText(cells[c], MEASURES[key].show(workers[key][worker]));
    }
    this.more.hidden = length === n;
  }
}

/** What is to be said of the workers, in a line. */
function summaryOf(
  /** @type {Meters['workers']} */ { computeSeconds, waitedSeconds },
  /** @type {Set<number>} */ slow,
  /** @type {number} */ restarts,
) {
  const n = computeSeconds.length;
  const again =
    restarts === 0 ? '' : ` The workers were started again ${restarts === 1 ? 'once' : `${restarts} times`}.`;
  if (slow.size === 0) return `${count(n)} ${n === 1 ? 'worker' : 'workers'}, none holds the others up.${again}`;
  const cost = (/** @type {number} */ worker) => Math.max(computeSeconds[worker], waitedSeconds[worker]);
  const [worst] = [...slow].sort((a, b) => cost(b) - cost(a));
  const times = number(Number((computeSeconds[worst] / median(computeSeconds)).toPrecision(2)));
  const who = `Worker ${worst} is the slowest: ${duration(computeSeconds[worst])} computing, ${times} × the median, and waited for ${duration(waitedSeconds[worst])}.`;
  const others = slow.size === 1 ? '' : ` ${count(slow.size)} of ${count(n)} workers hold the others up.`;
  return who + others + again;
}

/** Workers that have taken longer than the run's `roundTimeout`. */
function lateOf(/** @type {Row | undefined} */ row) {
  const late = row?.late ?? [];
  if (late.length === 0) return '';
  const named = late.slice(0, 5).map(({ worker, answers, seconds }) => {
    return `worker ${worker} (${count(answers)} ${answers === 1 ? 'answer' : 'answers'}, ${duration(seconds)})`;
  });
  return ` Late: ${named.join(', ')}${late.length > 5 ? ` and ${count(late.length - 5)} more` : ''}.`;
}
