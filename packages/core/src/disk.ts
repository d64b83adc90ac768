import * as fs from 'node:fs';

/**
 * The calls that a run's files are written and read with. They are handed down from whoever starts the run, as its `Runtime` is:
 * the machine's own, or those of a disk that fails when a test says so.
 */
export type Disk = Pick<
  typeof fs,
  | 'accessSync'
  | 'appendFileSync'
  | 'closeSync'
  | 'existsSync'
  | 'fstatSync'
  | 'fsyncSync'
  | 'ftruncateSync'
  | 'linkSync'
  | 'lstatSync'
  | 'mkdirSync'
  | 'openSync'
  | 'readFileSync'
  | 'readSync'
  | 'readdirSync'
  | 'renameSync'
  | 'rmSync'
  | 'rmdirSync'
  | 'statSync'
  | 'utimesSync'
  | 'writeFileSync'
  | 'writeSync'
>;

export const systemDisk: Disk = fs;
