// @ts-check
import { swatch } from './chart.js';
import { byId, h, setText } from './dom.js';
import { count, number, shortId } from './format.js';
import { MAX_RUNS, styleOf } from './look.js';

/** @import { RunView } from './api.js' */

/** Runs to choose from: one is shown in full, others are drawn beside it. */
export class RunList {
  /** @type {Map<string, ReturnType<RunList['row']>>} */
  #rows = new Map();

  /**
   * @param {(id: string) => void} onOpen
   * @param {(id: string, drawn: boolean) => void} onDraw
   */
  constructor(onOpen, onDraw) {
    this.onOpen = onOpen;
    this.onDraw = onDraw;
    this.list = byId('run-list');
  }

  /**
   * @param {RunView[]} runs
   * @param {ReadonlyMap<string, number>} places Those that are drawn, the first one in full, and the looks of their curves.
   */
  update(runs, places) {
    const [open] = places.keys();
    for (const id of this.#rows.keys()) {
      if (runs.some((view) => view.id === id)) continue;
      this.#rows.get(id)?.element.remove();
      this.#rows.delete(id);
    }
    for (const [k, view] of runs.entries()) {
      const row = this.#rows.get(view.id) ?? this.row(view.id);
      this.#rows.set(view.id, row);
      if (this.list.children[k] !== row.element) this.list.insertBefore(row.element, this.list.children[k] ?? null);
      row.show(view, places.get(view.id), view.id === open, places.size >= MAX_RUNS);
    }
    byId('no-runs').hidden = runs.length > 0;
  }

  row(/** @type {string} */ id) {
    const name = h('span', { class: 'name' });
    const detail = h('span', { class: 'detail' });
    const state = h('span', { class: 'state' });
    const button = h('button', { type: 'button', class: 'open' }, name, state, detail);
    button.onclick = () => this.onOpen(id);
    const box = h('input', { type: 'checkbox' });
    box.onchange = () => this.onDraw(id, box.checked);
    const look = h('span', { class: 'look' });
    const element = h('li', {}, h('label', { class: 'draw' }, box, look), button);
    let shown = '';
    return {
      element,
      show(
        /** @type {RunView} */ view,
        /** @type {number | undefined} */ place,
        /** @type {boolean} */ isOpen,
        /** @type {boolean} */ full,
      ) {
        setText(name, view.method);
        setText(detail, detailOf(view));
        setText(state, view.state);
        state.className = `state ${view.state}`;
        box.checked = place !== undefined;
        box.disabled = isOpen || (full && place === undefined);
        box.setAttribute('aria-label', `draw ${view.method}, run ${id}`);
        if (isOpen) button.setAttribute('aria-current', 'true');
        else button.removeAttribute('aria-current');
        const looks = place === undefined ? '' : styleOf(place).colour;
        if (looks === shown) return;
        shown = looks;
        look.replaceChildren(...(place === undefined ? [] : [swatch(place)]));
      },
    };
  }
}

function detailOf(/** @type {RunView} */ { id, problem, workers, loss, round }) {
  const parts = [problem, workers === null ? '' : `${count(workers)} workers`];
  if (round !== null) parts.push(`round ${count(round)}`);
  if (loss !== null) parts.push(`f ${number(loss)}`);
  return [...parts.filter((part) => part !== ''), shortId(id)].join(' · ');
}
