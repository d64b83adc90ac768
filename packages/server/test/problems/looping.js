import { writeFileSync } from 'node:fs';
import { defineProblem } from '@flotilla/core';

/** (module (func (export "loop") (loop br 0))) */
const LOOP = new WebAssembly.Module(
  // biome-ignore format: a section a line
  new Uint8Array([
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
    0x01, 0x04, 0x01, 0x60, 0x00, 0x00,
    0x03, 0x02, 0x01, 0x00,
    0x07, 0x08, 0x01, 0x04, 0x6c, 0x6f, 0x6f, 0x70, 0x00, 0x00,
    0x0a, 0x09, 0x01, 0x07, 0x00, 0x03, 0x40, 0x0c, 0x00, 0x0b, 0x0b,
  ]),
);

/** ½‖x − 1‖² in 30 dimensions, until the part that `where` names never comes back. It leaves the file `marker` before. */
export default defineProblem({
  name: 'looping',
  parameters: { marker: '', where: 'nowhere', calls: 30, wasm: false },
  stepSize: 0.1,
  load({ parameters }) {
    if (parameters.where === 'load') loop(parameters);
    if (parameters.where === 'promise') return forever(parameters);
    return {};
  },
  dimension: () => 30,
  prepare({ parameters, worker }) {
    if (parameters.where === 'prepare' && worker === 1) loop(parameters);
    return { ...parameters, own: worker, made: 0 };
  },
  gradient(own, x, out) {
    own.made++;
    if (own.where === 'gradient' && own.own === 1 && own.made === own.calls) loop(own);
    let sum = 0;
    for (let j = 0; j < x.length; j++) {
      out[j] = x[j] - 1;
      sum += 0.5 * out[j] ** 2;
    }
    return sum;
  },
});

/** @param {{ marker: string, wasm: boolean }} own @returns {never} */
function loop({ marker, wasm }) {
  writeFileSync(marker, '');
  if (wasm) /** @type {() => void} */ (new WebAssembly.Instance(LOOP).exports.loop)();
  for (;;);
}

/** @param {{ marker: string }} own @returns {Promise<never>} */
function forever({ marker }) {
  writeFileSync(marker, '');
  return new Promise(() => setInterval(() => {}, 1000));
}
