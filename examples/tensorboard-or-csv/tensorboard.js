// @ts-check
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { bytes, double, float, integer, record } from './event-file.js';

/** A reporter that writes what `tensorboard --logdir FOLDER` reads. @param {string} folder */
export function tensorboard(folder) {
  mkdirSync(folder, { recursive: true });
  const file = createWriteStream(join(folder, `events.out.tfevents.${Math.floor(Date.now() / 1000)}.flotilla`));
  const written = finished(file);
  written.catch(() => undefined); // told at the end
  const write = (/** @type {Buffer[]} */ ...fields) =>
    file.write(record(Buffer.concat([double(1, Date.now() / 1000), ...fields])));
  write(bytes(3, Buffer.from('brain.Event:2')));
  /** @type {import('@flotilla/server').Reporter} */
  const reporter = {
    name: `the event file in ${folder}`,
    row({ round, loss, gradNormSq, uplink, downlink, metrics, validation }) {
      const sent = { 'bytes/uplink': uplink.frameBytes, 'bytes/downlink': downlink.frameBytes };
      const held = Object.entries(validation ?? {}).map(([name, value]) => [`validation/${name}`, value]);
      const values = { loss, gradNormSq, ...sent, ...metrics, ...Object.fromEntries(held) };
      const scalar = (/** @type {[string, number]} */ [tag, value]) =>
        bytes(1, Buffer.concat([bytes(1, Buffer.from(tag)), float(2, value)]));
      write(integer(2, round), bytes(5, Buffer.concat(Object.entries(values).map(scalar))));
    },
    async end() {
      file.end();
      await written;
    },
  };
  return reporter;
}
