// Header extensions: they follow the header in the first cluster, up to the name of the backing
// file.

import { roundUp } from '../rounding.ts';
import { damaged, hexOffset } from './faults.ts';
import {
  END_OF_EXTENSIONS,
  extension,
  FEATURE_NAME_TABLE,
  FEATURE_NAMES,
  featureName,
  INCOMPATIBLE,
} from './layout.ts';

/** The data of each extension, by its type. */
export type Extensions = ReadonlyMap<number, Uint8Array>;

/** Where the data of an extension lies in the bytes that it was found in; it may run past them. */
export interface ExtensionPlace {
  readonly type: number;
  readonly at: number;
  readonly length: number;
}

/** The extensions between two offsets of `head`, the beginning of an image. */
export function* extensionsIn(
  head: Uint8Array,
  start: number,
  end: number,
): Generator<ExtensionPlace> {
  for (let at = start; at + extension.size <= end;) {
    const { type, length } = extension.decode(head.subarray(at));
    if (type === END_OF_EXTENSIONS) return;
    at += extension.size;
    yield { type, at, length };
    at += roundUp(length, 8);
  }
}

/** The same with their data. Throws a FormatError for one that runs past `end`. */
export function decodeExtensions(head: Uint8Array, start: number, end: number): Extensions {
  const found = new Map<number, Uint8Array>();
  for (const { type, at, length } of extensionsIn(head, start, end)) {
    if (length > end - at) {
      const where = `the header extension at ${hexOffset(at)}`;
      throw damaged(`${where} has ${length} bytes, there is room for ${end - at}`);
    }
    found.set(type, head.subarray(at, at + length));
  }
  return found;
}

/** Names of incompatible features by their bits: the image's own, else the specification's. */
export function featureNamesOf(bits: bigint, extensions: Extensions): string {
  const table = extensions.get(FEATURE_NAME_TABLE) ?? new Uint8Array();
  const own: { kind: number; bit: number; name: string }[] = [];
  for (let at = 0; at + featureName.size <= table.length; at += featureName.size) {
    own.push(featureName.decode(table.subarray(at)));
  }
  const names: string[] = [];
  for (let bit = 0; bit < 64; bit++) {
    if ((bits & (1n << BigInt(bit))) === 0n) continue;
    const named = [...own, ...FEATURE_NAMES].find(
      (feature) => feature.kind === INCOMPATIBLE && feature.bit === bit,
    );
    names.push(named ? `the feature ${JSON.stringify(named.name)}` : `feature ${bit}`);
  }
  return names.join(' and ');
}

/** A file name or the name of a snapshot: UTF-8, as QEMU writes it. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
