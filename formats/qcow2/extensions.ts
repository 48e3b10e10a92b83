// Header extensions: what follows the header in the first cluster, up to the name of the backing file.

import { FormatError } from '../errors.ts';
import {
  END_OF_EXTENSIONS,
  extension,
  FEATURE_NAME_TABLE,
  FEATURE_NAMES,
  featureName,
  INCOMPATIBLE,
} from './layout.ts';
import { roundUp } from '../rounding.ts';

/** The data of each extension by its type. */
export type Extensions = ReadonlyMap<number, Uint8Array>;

/** Reads the extensions between two offsets of the first cluster. Throws a FormatError if one runs past the end. */
export function readExtensions(first: Uint8Array, start: number, end: number): Extensions {
  const found = new Map<number, Uint8Array>();
  for (let at = start; at + extension.size <= end;) {
    const { type, length } = extension.decode(first.subarray(at));
    if (type === END_OF_EXTENSIONS) break;
    at += extension.size;
    if (length > end - at) throw fault(`a header extension of ${length} bytes at ${hex(at)}`);
    found.set(type, first.subarray(at, at + length));
    at += roundUp(length, 8);
  }
  return found;
}

/** What the image, else the specification, calls those bits of the incompatible features. */
export function namesOf(bits: bigint, extensions: Extensions): string {
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

/** The error of a damaged image: what was found, and what was expected. */
export function fault(found: string, expected?: string): FormatError {
  return new FormatError('damaged', messageOf(found, expected));
}

/** The error of a sound image that is not read here: what was found, and what can be read. */
export function unsupported(found: string, expected?: string): FormatError {
  return new FormatError('unsupported', messageOf(found, expected));
}

function messageOf(found: string, expected: string | undefined): string {
  return `qcow2: ${found}${expected === undefined ? '' : `; ${expected}`}`;
}

/** An image offset as people look for it. */
export function hex(offset: number): string {
  return `0x${offset.toString(16)}`;
}

/** A name of another file: UTF-8, as file names mostly are. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
