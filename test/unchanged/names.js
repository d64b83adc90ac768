import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const packages = fileURLToPath(new URL('../../packages', import.meta.url));
const path = fileURLToPath(new URL('names.json', import.meta.url));

/**
 * Names that a module exports.
 * @typedef {{ values: string[], types: string[] }} Names
 */

/** What is on record: the names of every door, by package and door. @returns {Record<string, Names>} */
export function readNames() {
  return JSON.parse(readFileSync(path, 'utf8'));
}

export function recordNames() {
  const lines = Object.entries(namesToday()).map(
    ([door, names]) => `${JSON.stringify(door)}: ${JSON.stringify(names)}`,
  );
  writeFileSync(path, `{\n${lines.join(',\n')}\n}\n`);
}

/** The names of every door of every package: `@flotilla/core .`. @returns {Record<string, Names>} */
export function namesToday() {
  return Object.fromEntries(Object.entries(doorFiles()).map(([door, file]) => [door, namesOf(file)]));
}

/** The module behind every door of every package. @returns {Record<string, string>} */
export function doorFiles() {
  /** @type {Record<string, string>} */
  const files = {};
  for (const folder of readdirSync(packages).sort()) {
    const manifest = join(packages, folder, 'package.json');
    if (!existsSync(manifest)) continue;
    const { name, exports = {} } = JSON.parse(readFileSync(manifest, 'utf8'));
    for (const [door, target] of Object.entries(doors(exports))) {
      for (const [subpath, file] of matching(join(packages, folder), door, target)) {
        if (file.endsWith('.js')) files[`${name} ${subpath}`] = file;
      }
    }
  }
  return files;
}

/**
 * The doors of a package: its subpaths and the files behind them.
 * @param {unknown} exports
 * @returns {Record<string, string>}
 */
function doors(exports) {
  const entries = Object.entries(Object(exports));
  const all =
    typeof exports === 'string' || !entries.every(([door]) => door.startsWith('.')) ? { '.': exports } : exports;
  return Object.fromEntries(
    Object.entries(Object(all)).flatMap(([door, target]) => {
      const file = fileOf(target);
      return file === undefined ? [] : [[door, file]];
    }),
  );
}

/**
 * What node takes of a target, which may be a tree of conditions.
 * @param {unknown} target
 * @returns {string | undefined}
 */
function fileOf(target) {
  if (typeof target === 'string') return target;
  for (const [condition, inner] of Object.entries(Object(target))) {
    const file = ['node', 'import', 'default'].includes(condition) ? fileOf(inner) : undefined;
    if (file !== undefined) return file;
  }
  return undefined;
}

/**
 * The doors that a pattern such as `./methods/*` stands for.
 * @param {string} folder
 * @param {string} door
 * @param {string} target
 * @returns {[string, string][]}
 */
function matching(folder, door, target) {
  const [before, after] = join(folder, target).split('*');
  if (after === undefined) return [[door, join(folder, target)]];
  const from = before.endsWith('/') ? before : dirname(before);
  return readdirSync(from, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => file.startsWith(before) && file.endsWith(after))
    .map((file) => [door.replace('*', file.slice(before.length, file.length - after.length)), file]);
}

/**
 * Names that the module at `file` exports, from its declarations; from its code where it has none.
 * @param {string} file
 * @returns {Names}
 */
function namesOf(file) {
  const declarations = file.replace(/\.js$/, '.d.ts');
  const values = new Set();
  const types = new Set();
  collect(existsSync(declarations) ? declarations : file, values, types);
  return { values: [...values].sort(), types: [...types].sort() };
}

/**
 * @param {string} file
 * @param {Set<string>} values
 * @param {Set<string>} types
 */
function collect(file, values, types) {
  const text = readFileSync(file, 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '');
  for (const [, keyword, name] of text.matchAll(
    /^export (?:declare )?(?:abstract )?(?:async )?(class|function\*?|const|let|var|enum|interface|type|namespace) ([\w$]+)/gm,
  )) {
    (keyword === 'interface' || keyword === 'type' ? types : values).add(name);
  }
  if (/^export default /m.test(text)) values.add('default');
  for (const [, onlyTypes, list] of text.matchAll(/^export (type )?\{([^}]*)\}/gm)) {
    for (const part of list.split(',').map((one) => one.trim())) {
      if (part === '') continue;
      const [, type, name] = /^(type )?(?:[\w$]+ as )?([\w$]+)$/.exec(part) ?? [];
      if (name === undefined) throw new Error(`${relative(packages, file)}: cannot read ${JSON.stringify(part)}`);
      ((onlyTypes ?? type) ? types : values).add(name);
    }
  }
  for (const [, name] of text.matchAll(/^export (?:type )?\* as ([\w$]+) from/gm)) values.add(name);
  for (const [, from] of text.matchAll(/^export (?:type )?\* from ['"](.+)['"]/gm)) {
    if (!from.startsWith('.')) throw new Error(`${relative(packages, file)}: export * from ${from}, a package`);
    const next = resolve(dirname(file), from);
    const declared = next.replace(/\.js$/, '.d.ts');
    collect(file.endsWith('.d.ts') ? declared : next, values, types);
  }
}
