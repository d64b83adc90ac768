import type { DataInput, DataRequest, FormatOptions } from '@flotilla/core';
import { formatOptionsOf } from '@flotilla/core/internal';
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
export function dataRequest(options: FormatTexts & Pick<Options, 'data' | 'validation' | 'split'>): DataRequest {
  const { data, validation, split } = options;
  return { data, split, format: formatConcerning(options, data, validation) };
}

/** How the files of `data` are read: what concerns the other data of the run alone is not meant for these. */
export function formatConcerning(options: FormatTexts, data: Data, other: Data): FormatOptions {
  const concerns = (one: Data, name: string) =>
    typeof one === 'string' && (formatOptionsOf(one) as readonly string[]).includes(name);
  const entries = Object.entries(formatOf(options));
  return Object.fromEntries(entries.filter(([name]) => concerns(data, name) || !concerns(other, name)));
}

type Data = DataInput | undefined;
