// @ts-check
import { byId, h, setText } from './dom.js';
import { bytes, count, duration, number, rate } from './format.js';

/** @import { Row } from './api.js' */
/** @import { Watch } from './watch.js' */

/** @typedef {{ value: number | null | undefined, text: string, note?: string }} Tile */

/** What a run has come to, in a dozen numbers; each has its exact value in `<data value>`. */
export class Overview {
  /** @type {Map<string, { tile: HTMLElement, data: HTMLDataElement }>} */
  #tiles = new Map();
  #place = byId('tiles');
  #state = byId('run-state');

  update(/** @type {Watch} */ watch) {
    const { view } = watch;
    setText(byId('run-title'), `${view.method ?? 'a run'} on ${view.problem ?? '…'}`);
    setText(this.#state, view.state);
    this.#state.className = `state ${view.state}`;
    const about = [
      view.workers === null ? '' : `${count(view.workers)} ${view.workers === 1 ? 'worker' : 'workers'}`,
      view.data === null ? '' : `data ${view.data}`,
      view.seed === null ? '' : `seed ${view.seed}`,
      view.resumed ? `resumed ${view.resumed} ×` : '',
      view.stopReason === null ? '' : `ended by ${view.stopReason}`,
      view.id,
    ];
    setText(byId('run-about'), about.filter((part) => part !== '').join(' · '));
    const error = byId('run-error');
    error.hidden = view.error === null;
    setText(error, view.error?.message ?? '');
    const at = latest(watch);
    this.#bar(watch, at.round);
    const tiles = this.#numbers(watch, at);
    for (const [name, { value, text }] of tiles) this.#show(name, value, text);
    for (const [name, { tile }] of this.#tiles) tile.hidden = !tiles.has(name);
  }

  /** @returns {Map<string, Tile>} */
  #numbers(/** @type {Watch} */ watch, /** @type {ReturnType<typeof latest>} */ at) {
    const { view, meters } = watch;
    const row = watch.rows.last;
    const loss = row === undefined ? view.loss : row.loss;
    const gradient = row === undefined ? view.gradNormSq : row.gradNormSq;
    const speed = watch.roundsPerSecond;
    const average = at.round && at.seconds ? at.round / at.seconds : undefined;
    // of a run that another process trains there are rows alone
    const shown = speed ?? (view.state === 'running' && watch.progress !== undefined ? undefined : average);
    const restarts = meters?.restarts ?? view.restarts;
    /** @type {Map<string, Tile>} */
    const tiles = new Map();
    tiles.set('f', { value: loss, text: number(loss) });
    tiles.set('‖∇f‖²', { value: gradient, text: number(gradient) });
    tiles.set('round', { value: at.round, text: count(at.round) });
    tiles.set('rounds a second', { value: shown, text: shown === undefined ? '–' : rate(shown) });
    tiles.set('uplink', { value: at.uplinkBytes, text: bytes(at.uplinkBytes) });
    tiles.set('downlink', { value: at.downlinkBytes, text: bytes(at.downlinkBytes) });
    tiles.set('seconds of rounds', { value: at.seconds, text: duration(at.seconds) });
    if (restarts !== null && restarts !== undefined) tiles.set('restarts', { value: restarts, text: count(restarts) });
    for (const [name, value] of extras(row)) tiles.set(name, { value, text: number(value) });
    return tiles;
  }

  #show(/** @type {string} */ name, /** @type {number | null | undefined} */ value, /** @type {string} */ text) {
    let known = this.#tiles.get(name);
    if (known === undefined) {
      const data = h('data');
      known = { data, tile: h('div', {}, h('dt', {}, name), h('dd', {}, data)) };
      this.#tiles.set(name, known);
      this.#place.append(known.tile);
    }
    known.data.value = String(value ?? '');
    setText(known.data, text);
  }

  #bar(/** @type {Watch} */ { view, roundsPerSecond }, /** @type {number | null} */ round) {
    const row = byId('bar-row');
    row.hidden = view.rounds === null;
    if (view.rounds === null) return;
    const bar = /** @type {HTMLProgressElement} */ (byId('bar'));
    bar.max = view.rounds;
    bar.value = round ?? 0;
    const left = roundsPerSecond ? (view.rounds - (round ?? 0)) / roundsPerSecond : undefined;
    const rest = left === undefined || view.state !== 'running' ? '' : `, ${duration(Math.max(0, left))} to go`;
    setText(byId('bar-text'), `${count(round ?? 0)} of ${count(view.rounds)} rounds${rest}`);
  }
}

/** Where a run is: the newest of its list entry, progress, meters and rows. */
function latest(/** @type {Watch} */ { view, progress, rows: { last: row } }) {
  const { round, seconds, uplinkBytes, downlinkBytes } = view;
  let at = { round, seconds, uplinkBytes, downlinkBytes };
  if (progress !== undefined && progress.round >= (at.round ?? 0)) at = progress;
  if (row !== undefined && row.round >= (at.round ?? 0)) {
    const { round, seconds, uplink, downlink } = row;
    at = { round, seconds, uplinkBytes: uplink.frameBytes, downlinkBytes: downlink.frameBytes };
  }
  return at;
}

/** Metrics of a row by their names. @returns {[string, number | null][]} */
export function extras(/** @type {Row | undefined} */ row) {
  return [
    ...Object.entries(row?.metrics ?? {}),
    ...Object.entries(row?.validation ?? {}).map(
      ([key, value]) => /** @type {[string, number | null]} */ ([`validation ${key === 'loss' ? 'f' : key}`, value]),
    ),
  ];
}
