// @ts-check
import { ApiError, ask, runPath, urlOf } from './api.js';
import { byId, h, setText } from './dom.js';
import { bytes, count, duration, number } from './format.js';
import { extras } from './overview.js';

/** @import { Row } from './api.js' */
/** @import { Watch } from './watch.js' */

const SHOWN_ROWS = 8;

/** The rows that were evaluated last, as a table. */
export class LatestRows {
  #head = byId('rows-head');
  #body = byId('rows-body');
  #count = byId('rows-count');
  /** @type {Row | undefined} */
  #shown;

  update(/** @type {Watch} */ { rows }) {
    if (rows.last !== undefined && rows.last === this.#shown) return;
    this.#shown = rows.last;
    setText(this.#count, `${count(rows.length)} ${rows.length === 1 ? 'row' : 'rows'} so far`);
    const last = rows.items().slice(-SHOWN_ROWS).reverse();
    const names = extras(last[0]).map(([name]) => name);
    const heads = ['round', 'seconds', 'f', '‖∇f‖²', 'uplink', 'downlink', ...names];
    if (this.#head.children.length !== heads.length || this.#head.textContent !== heads.join('')) {
      this.#head.replaceChildren(...heads.map((name) => h('th', { scope: 'col' }, name)));
      this.#body.replaceChildren();
    }
    while (this.#body.children.length > last.length) this.#body.lastElementChild?.remove();
    while (this.#body.children.length < last.length) {
      this.#body.append(h('tr', {}, h('th', { scope: 'row' }), ...heads.slice(1).map(() => h('td'))));
    }
    for (const [k, row] of last.entries()) {
      const texts = [
        ...[count(row.round), duration(row.seconds), number(row.loss), number(row.gradNormSq)],
        ...[bytes(row.uplink.frameBytes), bytes(row.downlink.frameBytes)],
        ...extras(row).map(([, value]) => number(value)),
      ];
      const { children } = this.#body.children[k];
      for (const [c, text] of texts.entries()) if (c < children.length) setText(children[c], text);
    }
  }
}

/** The options of a run, and links to what it has left. */
export class Configuration {
  #place = byId('config');
  #files = byId('files');
  #known = '';
  #id = '';
  /** Whether reports are made here. */
  reports = false;

  /** Takes away what another run has. */
  #clear(/** @type {string} */ id) {
    if (this.#id === id) return;
    this.#id = id;
    this.#known = '';
    this.#place.replaceChildren();
    this.#files.replaceChildren();
  }

  async update(/** @type {Watch} */ { id, view, rows }) {
    // there is a configuration from the first row on, and files when the run has ended
    const ended = ['stopped', 'done', 'failed'].includes(view.state);
    if (rows.length === 0 && !ended) return this.#clear(id);
    const key = JSON.stringify([id, view.state, rows.length > 0]);
    if (key === this.#known) return;
    this.#clear(id);
    this.#known = key;
    const link = (/** @type {string} */ name, /** @type {string} */ text) =>
      h('a', { href: urlOf(`${runPath(id)}/${name}`) }, text);
    this.#files.replaceChildren(
      ...(this.reports && rows.length > 0 ? [link('report', ended ? 'report' : 'report so far')] : []),
      ...(ended ? [link('model', 'model.safetensors'), link('summary', 'summary.json')] : []),
      ...(rows.length > 0 ? [link('metrics', 'metrics.jsonl')] : []),
    );
    try {
      const config = await ask(`${runPath(id)}/config`);
      if (this.#known !== key) return;
      const entries = Object.entries(config).filter(([, value]) => value !== null && String(value) !== '');
      this.#place.replaceChildren(
        ...entries.map(([name, value]) => {
          const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
          return h('div', {}, h('dt', {}, name), h('dd', {}, text));
        }),
      );
    } catch (error) {
      // none yet, or nobody to ask: it is asked for again when the run has come further
      if (!(error instanceof ApiError)) throw error;
    }
  }
}
