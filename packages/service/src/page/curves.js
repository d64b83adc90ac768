// @ts-check
import { Chart, fillLegend } from './chart.js';
import { h } from './dom.js';
import { shortId } from './format.js';
import { isDark } from './look.js';

/** @import { Row } from './api.js' */
/** @import { Choices } from './choices.js' */
/** @import { Curve } from './chart.js' */
/** @import { Watch } from './watch.js' */

/** What a curve can be drawn against. @type {Record<string, { label: string, unit?: 'bytes', of: (row: Row) => number }>} */
const AXES = {
  rounds: { label: 'rounds', of: (row) => row.round },
  total: { label: 'total bytes', unit: 'bytes', of: (row) => row.uplink.frameBytes + row.downlink.frameBytes },
  uplink: { label: 'uplink bytes', unit: 'bytes', of: (row) => row.uplink.frameBytes },
  downlink: { label: 'downlink bytes', unit: 'bytes', of: (row) => row.downlink.frameBytes },
  seconds: { label: 'seconds', of: (row) => row.seconds },
  modelSeconds: { label: 'seconds on the modelled links', of: (row) => row.modelSeconds ?? 0 },
};

/** A run that is drawn, and which of the curves' looks it has. @typedef {{ watch: Watch, place: number }} Drawn */

/** What there is to be drawn of a row beside f and ‖∇f‖², by its title. @returns {Map<string, (row: Row) => number | null | undefined>} */
function extrasOf(/** @type {Row | undefined} */ row) {
  const extras = new Map();
  for (const key of Object.keys(row?.metrics ?? {})) {
    extras.set(key, (/** @type {Row} */ one) => one.metrics?.[key]);
  }
  for (const key of Object.keys(row?.validation ?? {})) {
    const title = key === 'loss' ? 'f on the validation data' : `${key} on the validation data`;
    extras.set(title, (/** @type {Row} */ one) => one.validation?.[key]);
  }
  return extras;
}

/** More of a problem's numbers than this are no chart's business. */
const MAX_EXTRAS = 16;

/** The charts of a run's rows: f, ‖∇f‖² and the problem's metrics, of several runs at once. */
export class Curves {
  /** @type {Map<string, Chart>} */
  #charts = new Map();
  #named = '';
  #chosen = '';
  /** @type {(Row | undefined)[]} */
  #lasts = [];

  /**
   * @param {HTMLElement} place Where the charts stand.
   * @param {HTMLFieldSetElement} against Where the axis is chosen.
   * @param {Choices} choices
   * @param {() => void} onChoice
   */
  constructor(place, against, choices, onChoice) {
    this.place = place;
    this.choices = choices;
    this.onChoice = onChoice;
    if (!Object.hasOwn(AXES, choices.x)) choices.x = 'rounds';
    /** @type {Map<string, HTMLElement>} */
    this.options = new Map();
    for (const [name, { label }] of Object.entries(AXES)) {
      const input = h('input', { type: 'radio', name: 'x', value: name, checked: name === choices.x });
      input.onchange = () => {
        choices.x = name;
        onChoice();
      };
      const option = h('label', { class: 'option' }, input, h('span', {}, label));
      this.options.set(name, option);
      against.append(option);
    }
    against.append(this.#logBox('x', 'log axis', 'logarithmic axis of what curves are drawn against'));
    this.legend = h('ul', { class: 'legend' });
    place.before(this.legend);
    this.#add('loss', 'f');
    this.#add('gradNormSq', '‖∇f‖²');
  }

  #logBox(/** @type {string} */ name, /** @type {string} */ text, /** @type {string} */ label) {
    const input = h('input', { type: 'checkbox', checked: this.choices.log.has(name), 'aria-label': label });
    input.onchange = () => {
      if (input.checked) this.choices.log.add(name);
      else this.choices.log.delete(name);
      this.onChoice();
    };
    return h('label', { class: 'option log' }, input, h('span', {}, text));
  }

  #add(/** @type {string} */ key, /** @type {string} */ title) {
    const chart = new Chart(title, {
      hasLegend: false,
      tools: [this.#logBox(key, 'log', `logarithmic axis of ${title}`)],
    });
    this.#charts.set(key, chart);
    this.place.append(chart.element);
    return chart;
  }

  update(/** @type {Drawn[]} */ drawn) {
    const named = drawn.map(({ watch, place }) => ({ name: nameOf(watch.view), place }));
    const key = JSON.stringify([named, isDark()]);
    if (key !== this.#named) fillLegend(this.legend, named);
    this.#named = key;
    const chosen = JSON.stringify([this.choices.x, [...this.choices.log], named.map(({ name }) => name), isDark()]);
    const lasts = drawn.map(({ watch }) => watch.rows.last);
    const soon = chosen !== this.#chosen;
    // nothing that is drawn is another one
    if (!soon && lasts.every((row, k) => row === this.#lasts[k])) return;
    this.#chosen = chosen;
    this.#lasts = lasts;
    const modelled = drawn.some(({ watch }) => watch.rows.last?.modelSeconds !== undefined);
    /** @type {HTMLElement} */ (this.options.get('modelSeconds')).hidden = !modelled;
    this.#show('loss', drawn, (row) => row.loss, soon);
    this.#show('gradNormSq', drawn, (row) => row.gradNormSq, soon);
    const extras = new Map(drawn.flatMap(({ watch }) => [...extrasOf(watch.rows.last)]));
    for (const [title, of] of [...extras].slice(0, MAX_EXTRAS)) {
      if (!this.#charts.has(title)) this.#add(title, title);
      this.#show(title, drawn, of, soon);
    }
    for (const [title, chart] of this.#charts) {
      chart.element.hidden = !extras.has(title) && title !== 'loss' && title !== 'gradNormSq';
    }
  }

  #show(
    /** @type {string} */ key,
    /** @type {Drawn[]} */ drawn,
    /** @type {(row: Row) => number | null | undefined} */ of,
    /** @type {boolean} */ soon,
  ) {
    const { x, log } = this.choices;
    const { label, unit, of: xOf } = AXES[x];
    const chart = /** @type {Chart} */ (this.#charts.get(key));
    chart.show(
      () => ({
        curves: drawn.map(({ watch, place }) => curve(watch, place, xOf, of)),
        xLabel: label,
        xUnit: unit,
        xLog: log.has('x'),
        yLog: log.has(key),
      }),
      { soon },
    );
  }
}

/** @returns {Curve} */
function curve(
  /** @type {Watch} */ { rows, view },
  /** @type {number} */ place,
  /** @type {(row: Row) => number} */ xOf,
  /** @type {(row: Row) => number | null | undefined} */ yOf,
) {
  const items = rows.items();
  return { name: nameOf(view), place, xs: items.map(xOf), ys: items.map((row) => yOf(row) ?? null) };
}

/** What a run is called where there are several: its id tells apart what is otherwise alike. */
const nameOf = (/** @type {{ id: string, method: string }} */ { id, method }) => `${method} · ${shortId(id)}`;
