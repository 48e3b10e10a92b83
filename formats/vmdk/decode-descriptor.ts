import { SECTOR_SIZE } from '../contract.ts';
import { damaged, unsupported } from './faults.ts';
import { MAX_DESCRIPTOR_SIZE } from './layout.ts';

/** What a descriptor says. */
export interface Descriptor {
  readonly createType: string;
  readonly extents: readonly DescribedExtent[];
  /** All values by their names, those of the disk data base (`ddb.adapterType`) too. */
  readonly values: ReadonlyMap<string, string>;
}

/** A line of the "Extent Section". */
export interface DescribedExtent {
  /** Such as FLAT, SPARSE, ZERO, VMFS. */
  readonly type: string;
  /** Bytes of the disk. */
  readonly size: number;
  /** Name of the file as written; undefined for ZERO. */
  readonly file: string | undefined;
  /** Where a flat extent begins in its file, in bytes. */
  readonly fileOffset: number;
}

/** Limit of this program: a disk of 8 TiB in extents of 2 GiB. */
const MAX_EXTENTS = 4096;

const EXTENT =
  /^(?:RW|RDONLY|NOACCESS)\s+(\d{1,15})\s+([A-Z]+)(?:\s+"([^"]+)"(?:\s+(\d{1,15}))?.*)?$/;
// What follows the spaces after `=` does not begin with one: otherwise they could be divided in as
// many ways as there are, each of which is tried before the line is refused.
const VALUE = /^([\w.:-]+)\s*=\s*(?:"([^"]*)"|([^"\s][^"]*)?)$/;

const START = '# disk descriptorfile';

/** Whether a file that begins with `head` is a descriptor alone. */
export function isDescriptor(head: Uint8Array): boolean {
  return new TextDecoder().decode(head.subarray(0, START.length)).toLowerCase() === START;
}

/** Throws a FormatError for a descriptor that is too long to be read; `size` is in bytes. */
export function checkDescriptorSize(size: number): void {
  if (size <= MAX_DESCRIPTOR_SIZE) return;
  throw unsupported(`a descriptor of ${size} bytes, at most ${MAX_DESCRIPTOR_SIZE} can be read`);
}

/**
 * Decodes a descriptor, which ends at a NUL. Like oslo.utils, it accepts only lines that are a
 * comment, an extent or a value, and throws a FormatError for others.
 */
export function decodeDescriptor(bytes: Uint8Array): Descriptor {
  const end = bytes.indexOf(0);
  const text = new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end));
  const values = new Map<string, string>();
  const extents: DescribedExtent[] = [];
  for (const [index, untrimmed] of text.split('\n').entries()) {
    const line = untrimmed.trim();
    if (line === '' || line.startsWith('#')) continue;
    const value = VALUE.exec(line);
    const extent = EXTENT.exec(line);
    if (value) values.set(value[1]!, value[2] ?? value[3] ?? '');
    else if (extent) extents.push(decodeExtent(extent));
    else throw damaged(`line ${index + 1} of the descriptor cannot be read: ${quoted(line)}`);
  }
  if (extents.length > MAX_EXTENTS) {
    throw unsupported(`${extents.length} extents, at most ${MAX_EXTENTS} can be read`);
  }
  const createType = values.get('createType');
  if (createType === undefined) throw damaged('the descriptor has no createType');
  return { createType, extents, values };
}

function decodeExtent([, sectors, type, file, offset = '0']: RegExpExecArray): DescribedExtent {
  const size = Number(sectors) * SECTOR_SIZE;
  const fileOffset = Number(offset) * SECTOR_SIZE;
  if (!Number.isSafeInteger(size) || !Number.isSafeInteger(fileOffset)) {
    throw damaged(`an extent of ${sectors!} sectors at sector ${offset}, which is too large`);
  }
  return { type: type!, size, file, fileOffset };
}

/** Text of an image, shortened and escaped for a message. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}
