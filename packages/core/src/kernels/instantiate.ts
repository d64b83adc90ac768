import { readFileSync } from 'node:fs';

/** A memory of WebAssembly: pages of 64 KiB. Growing it replaces the buffer. */
export interface WasmMemory {
  readonly buffer: ArrayBufferLike;
  grow(pages: number): number;
}

/** Instantiates the WebAssembly file at a file URL, which brings its own memory, and returns what it exports. */
export function instantiate<T>(url: string): T {
  const module = new WebAssembly.Module(readFileSync(new URL(url)));
  return new WebAssembly.Instance(module, {}).exports as T;
}
