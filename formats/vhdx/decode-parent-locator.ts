import type { BackingFacts } from '../contract.ts';
import { guidText } from '../guid.ts';
import { damaged, unsupported } from './faults.ts';
import { parentLocator, parentLocatorEntry, VHDX_LOCATOR } from './layout.ts';

// Longer than any key that is known, in bytes.
const MAX_KEY_LENGTH = 64;

/**
 * What a differencing image says of its parent. Throws a FormatError if that is not another VHDX.
 */
export function decodeParentLocator(item: Uint8Array): BackingFacts {
  if (item.length < parentLocator.size) {
    throw damaged(`a parent locator of ${item.length} bytes`);
  }
  const { locatorType, keyValueCount } = parentLocator.decode(item);
  if (guidText(locatorType) !== VHDX_LOCATOR) {
    throw unsupported(`the parent is of type ${guidText(locatorType)}, only a VHDX is known`);
  }
  const values = valuesOf(item, keyValueCount);
  const file = fileOf(values);
  // While a merge is under way there is a second id, "parent_linkage2": such a parent is refused by
  // its id.
  const id = values
    .get('parent_linkage')
    ?.replace(/^\{|\}$/g, '')
    .toLowerCase();
  if (file === undefined || id === undefined) {
    throw damaged(`the parent locator has no ${id === undefined ? 'parent_linkage' : 'path'}`);
  }
  return { file, format: 'vhdx', id };
}

/**
 * The path from the image's folder; else, as those of another machine lead nowhere, the bare name.
 */
function fileOf(values: ReadonlyMap<string, string>): string | undefined {
  const relative = values.get('relative_path')?.replace(/^\.\\/, '').replaceAll('\\', '/');
  const path = values.get('absolute_win32_path') ?? values.get('volume_path');
  return relative ?? path?.slice(path.lastIndexOf('\\') + 1);
}

function valuesOf(item: Uint8Array, count: number): ReadonlyMap<string, string> {
  const end = parentLocator.size + count * parentLocatorEntry.size;
  if (end > item.length) {
    throw damaged(`a parent locator of ${item.length} bytes has no room for ${count} entries`);
  }
  const values = new Map<string, string>();
  for (let at = parentLocator.size; at < end; at += parentLocatorEntry.size) {
    const { keyOffset, keyLength, valueOffset, valueLength } = parentLocatorEntry.decode(
      item.subarray(at),
    );
    const key = textAt(item, keyOffset, Math.min(keyLength, MAX_KEY_LENGTH));
    if (KEYS.has(key) && !values.has(key)) values.set(key, textAt(item, valueOffset, valueLength));
  }
  return values;
}

const KEYS = new Set(['parent_linkage', 'relative_path', 'volume_path', 'absolute_win32_path']);

function textAt(item: Uint8Array, offset: number, length: number): string {
  if (offset + length > item.length) {
    throw damaged(
      `the parent locator has ${item.length} bytes, an entry ends at ${offset + length}`,
    );
  }
  return new TextDecoder('utf-16le').decode(item.subarray(offset, offset + length));
}
