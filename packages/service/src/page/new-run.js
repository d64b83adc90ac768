// @ts-check
import { ask } from './api.js';
import { h } from './dom.js';

/**
 * What a service lets people start.
 * @typedef {object} Offers
 * @property {string[]} methods
 * @property {string[]} problems
 * @property {string[]} data
 * @property {string[]} uplinks
 * @property {string[]} downlinks
 * @property {Record<string, number>} limits
 */

/** The form that starts a run: choices of what the service offers, and numbers within its limits. */
export function fillNewRunForm(
  /** @type {HTMLFormElement} */ form,
  /** @type {Offers} */ { methods, problems, data, uplinks, downlinks, limits },
  /** @type {(id: string) => void} */ onStarted,
) {
  const choice = (
    /** @type {string} */ name,
    /** @type {string} */ label,
    /** @type {string[]} */ values,
    preset = '',
  ) => {
    if (values.length === 0) return [];
    const none = preset === '' ? [] : [h('option', { value: '' }, preset)];
    const select = h('select', { name }, ...none, ...values.map((value) => h('option', { value }, value)));
    return [h('label', {}, label, select)];
  };
  const numeric = (
    /** @type {string} */ name,
    /** @type {string} */ label,
    /** @type {number | string} */ preset,
    min = 1,
  ) => {
    const max = limits[name];
    const value = typeof preset === 'number' && max !== undefined ? Math.min(max, preset) : preset;
    const bound = max === undefined ? {} : { max };
    const text = max === undefined ? label : `${label} (at most ${max.toLocaleString('en-US')})`;
    return h('label', {}, text, h('input', { name, type: 'number', step: '1', min, value, ...bound }));
  };
  const said = h('p', { role: 'status', class: 'note' });
  const start = h('button', { class: 'strong' }, 'Start');
  form.replaceChildren(
    ...choice('method', 'method', methods),
    ...choice('problem', 'problem', problems),
    ...choice('data', 'data', data, "the problem's own"),
    ...choice('uplink', 'uplink compressor', uplinks, "the method's own"),
    ...choice('downlink', 'downlink compressor', downlinks, "the method's own"),
    numeric('workers', 'workers', 20),
    numeric('rounds', 'rounds', 500),
    numeric('evalEvery', 'rounds between evaluations', 10),
    h(
      'label',
      {},
      'seed',
      h('input', { name: 'seed', type: 'text', inputmode: 'numeric', pattern: '[0-9]{1,9}', value: '0' }),
    ),
    start,
    said,
  );
  form.onsubmit = async (event) => {
    event.preventDefault();
    start.disabled = true;
    said.textContent = '';
    const given = [...new FormData(form)].filter(([, value]) => value !== '');
    const isNumber = (/** @type {string} */ name) =>
      /** @type {HTMLInputElement} */ (form.elements.namedItem(name)).type === 'number';
    const body = Object.fromEntries(given.map(([name, value]) => [name, isNumber(name) ? Number(value) : value]));
    try {
      const { id } = await ask('runs', { method: 'POST', body });
      said.textContent = 'The run is in the list.';
      onStarted(id);
    } catch (error) {
      said.textContent = `Not started: ${/** @type {Error} */ (error).message}`;
    } finally {
      start.disabled = false;
    }
  };
}
