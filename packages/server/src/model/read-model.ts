import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FlotillaError, UsageError } from '@flotilla/core';
import { printed, reasonOf } from '@flotilla/core/internal';
import { type FlatModel, joined, type Model, modelOf } from './model.js';
import { readSafetensors } from './safetensors.js';

/** The file that a run leaves its model in. */
const MODEL_FILE = 'model.safetensors';

/**
 * Reads the model that a run has left.
 * @param path A run folder, or a file that one has held.
 * @throws UsageError for a file that no run has written, FlotillaError `io` when it cannot be read
 */
export async function readModel(path: string): Promise<Model> {
  return modelOf(await readFlatModel(path));
}

export async function readFlatModel(path: string): Promise<FlatModel> {
  const file = (await isFolder(path)) ? join(path, MODEL_FILE) : path;
  const { tensors, metadata } = await readSafetensors(file);
  if (metadata.problem === undefined) throw new UsageError(`${file} is not the model of a run: it names no problem`);
  const x = joined(tensors.map(({ values }) => values));
  return { x, tensors: tensors.map(({ name, shape }) => ({ name, shape })), metadata };
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT')
      throw new UsageError(`${printed(path)} does not hold a model: no file or folder is there`, { cause });
    throw new FlotillaError('io', `cannot read ${path}: ${reasonOf(cause)}`, { cause });
  }
}
