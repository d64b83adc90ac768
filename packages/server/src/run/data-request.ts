import type { DataInput, DataRequest, FormatOptions } from '@flotilla/core';
import { formatOptionsOf, parseDecimal } from '@flotilla/core/internal';
import { type Options, parseOptions } from './options.js';

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

/** The same as texts, what was given of them: for the metadata of a model. */
export function formatRecord({ indexBase, labelColumn, header }: FormatTexts): Record<string, string> {
  const given = Object.entries({ indexBase, labelColumn, header }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
}

/**
 * How a file is read that a model is used on: as it is asked for, else as the run has read its own.
 * @param metadata Of the model.
 * @throws UsageError when that is not what a run writes
 */
export function formatFor(
  data: string,
  asked: FormatOptions,
  { indexBase, labelColumn, header }: Readonly<Record<string, string>>,
): FormatOptions {
  const texts = { indexBase: parseDecimal(indexBase ?? '') ?? indexBase, labelColumn, header };
  const recorded = formatOf(parseOptions(texts));
  const names = formatOptionsOf(data);
  return { ...asked, ...Object.fromEntries(names.map((name) => [name, asked[name] ?? recorded[name]])) };
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
