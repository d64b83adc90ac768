import type { DataRequest, FormatOptions } from '@flotilla/core';
import type { Options } from './options.js';

/** The options that say how a file is to be read. */
export type FormatTexts = Pick<Options, 'indexBase' | 'labelColumn' | 'header'>;

/** How files are read that options name. */
export function formatOf({ indexBase, labelColumn, header }: FormatTexts): FormatOptions {
  return {
    indexBase: indexBase as FormatOptions['indexBase'],
    labelColumn,
    header: header === undefined || header === 'auto' ? header : header === 'true',
  };
}

/** What the options say of the data to train on. */
export function dataRequest(options: FormatTexts & Pick<Options, 'data' | 'split'>): DataRequest {
  const { data, split } = options;
  return { data, split, format: formatOf(options) };
}
