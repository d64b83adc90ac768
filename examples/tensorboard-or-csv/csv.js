// @ts-check
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';

/** A reporter that writes a run's rows to a CSV file, metrics of training and validation data behind the rest. @param {string} path */
export function csv(path) {
  const file = createWriteStream(path);
  const written = finished(file);
  written.catch(() => undefined); // told at the end
  let isFirst = true;
  /** @type {import('@flotilla/server').Reporter} */
  const reporter = {
    name: `the CSV file ${path}`,
    row({ round, seconds, loss, gradNormSq, uplink, downlink, metrics, validation }) {
      const bytes = { uplinkBytes: uplink.frameBytes, downlinkBytes: downlink.frameBytes };
      const held = Object.entries(validation ?? {}).map(([name, value]) => [`validation ${name}`, value]);
      const row = { round, seconds, loss, gradNormSq, ...bytes, ...metrics, ...Object.fromEntries(held) };
      if (isFirst) file.write(`${Object.keys(row).join(',')}\n`);
      isFirst = false;
      file.write(`${Object.values(row).join(',')}\n`);
    },
    async end() {
      file.end();
      await written;
    },
  };
  return reporter;
}
