// @ts-check

/**
 * What the reader has chosen, kept in the page's address: it can be reloaded, kept and sent to somebody.
 * @typedef {object} Choices
 * @property {string[]} runs Ids of the runs that are drawn; the first is the one that is shown in full.
 * @property {string} x What curves are drawn against.
 * @property {Set<string>} log Axes that are logarithmic.
 * @property {string} worker What workers are coloured by.
 */

/** @type {Choices} */
const PRESET = { runs: [], x: 'rounds', log: new Set(['gradNormSq']), worker: '' };

/** @returns {Choices} */
export function readChoices() {
  const query = new URLSearchParams(location.search);
  const log = query.get('log');
  return {
    runs: (query.get('runs') ?? '').split(',').filter((id) => id !== ''),
    x: query.get('x') ?? PRESET.x,
    log: log === null ? new Set(PRESET.log) : new Set(log.split(',').filter((name) => name !== '')),
    worker: query.get('worker') ?? PRESET.worker,
  };
}

/** @param {Choices} choices @param {{ push?: boolean }} [how] Whether the way back leads to what was chosen before. */
export function keepChoices({ runs, x, log, worker }, { push = false } = {}) {
  const query = new URLSearchParams();
  if (runs.length > 0) query.set('runs', runs.join(','));
  if (x !== PRESET.x) query.set('x', x);
  if ([...log].sort().join() !== [...PRESET.log].sort().join()) query.set('log', [...log].sort().join(','));
  if (worker !== PRESET.worker) query.set('worker', worker);
  const text = query.toString().replaceAll('%2C', ',');
  const url = `${location.pathname}${text === '' ? '' : `?${text}`}`;
  if (push) history.pushState(null, '', url);
  else history.replaceState(null, '', url);
}
