// Which lines of the readers no damaged input reached, by V8's own coverage of what is built.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TOP } from '../support/project.ts';

/** What NODE_V8_COVERAGE writes: offsets in a script, inner ranges after outer ones. */
interface Report {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly {
      readonly ranges: readonly {
        readonly startOffset: number;
        readonly endOffset: number;
        readonly count: number;
      }[];
    }[];
  }[];
}

/** The files that read what others make; writers are not asked for. */
const READERS =
  /^dist\/(formats\/(qcow2|vhd|vhdx|vdi|vmdk|ova|tar|zfs|zfs-send)\/(?!encode-|.*writer|index)|src\/(inspect|partitions|byte-streams)\/)/;

/** Prints for each reader in the reports of a folder the share of its lines, and the others. */
export function printCoverage(folder: string): void {
  const reached = new Map<string, Uint8Array>();
  for (const name of readdirSync(folder)) {
    const { result } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Report;
    for (const { url, functions } of result) {
      const path = url.startsWith('file:') ? relative(TOP, fileURLToPath(url)) : '';
      if (!READERS.test(path)) continue;
      const length = readFileSync(join(TOP, path)).length;
      const own = new Uint8Array(length);
      for (const { ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges) {
          own.fill(count > 0 ? 1 : 0, startOffset, endOffset);
        }
      }
      const all = reached.get(path) ?? new Uint8Array(length);
      reached.set(
        path,
        all.map((byte, i) => byte | (own[i] ?? 0)),
      );
    }
  }
  for (const [path, bytes] of [...reached].sort()) console.log(`${path}: ${linesOf(path, bytes)}`);
}

/** A line counts as reached if any of it was. */
function linesOf(path: string, reached: Uint8Array): string {
  const missed: string[] = [];
  let at = 0;
  let count = 0;
  for (const line of readFileSync(join(TOP, path), 'latin1').split('\n')) {
    const bytes = reached.subarray(at, at + line.length);
    at += line.length + 1;
    if (!/\w/.test(line) || /^\s*(\/\/|\*|\/\*)/.test(line)) continue;
    count++;
    if (!bytes.some((byte, i) => byte === 1 && line[i] !== ' ')) missed.push(line.trim());
  }
  const share = Math.round((100 * (count - missed.length)) / count);
  return [`${share} % of ${count} lines`, ...missed].join('\n    ');
}
