import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export interface PageFile {
  readonly type: string;
  readonly content: Buffer;
}

/** The page: index.html, what it asks for, and uPlot. A name that is asked for is looked up here, and only here. */
export async function readPage(): Promise<ReadonlyMap<string, PageFile>> {
  const own = fileURLToPath(new URL('page/', import.meta.url));
  const { resolve } = createRequire(import.meta.url);
  const paths = new Map((await readdir(own)).map((name) => [name, `${own}${name}`]));
  for (const name of ['uPlot.esm.js', 'uPlot.min.css']) paths.set(name, resolve(`uplot/dist/${name}`));
  const files = new Map<string, PageFile>();
  for (const [name, path] of paths) {
    const type = TYPES[extname(name)];
    if (type !== undefined) files.set(name, { type, content: await readFile(path) });
  }
  return files;
}
