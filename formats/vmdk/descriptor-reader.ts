import { SECTOR_SIZE } from '../contract.ts';
import { FormatError } from '../errors.ts';

/** What a descriptor tells. */
export interface Descriptor {
  readonly createType: string;
  readonly extents: readonly DescribedExtent[];
  /** All that has a name and a value, the disk's data base (`ddb.adapterType`) too. */
  readonly values: ReadonlyMap<string, string>;
}

/** A line of the "Extent Section". */
export interface DescribedExtent {
  /** Such as FLAT, SPARSE, ZERO, VMFS. */
  readonly type: string;
  /** Of the disk, in bytes. */
  readonly size: number;
  /** As the descriptor has it; undefined for ZERO. */
  readonly file: string | undefined;
  /** Where a flat extent begins in its file, in bytes. */
  readonly fileOffset: number;
}

/** Limit of this program: extents of 2 GiB of a disk of 8 TiB. */
const MAX_EXTENTS = 4096;

const EXTENT =
  /^(?:RW|RDONLY|NOACCESS)\s+(\d{1,15})\s+([A-Z]+)(?:\s+"([^"]+)"(?:\s+(\d{1,15}))?.*)?$/;
const VALUE = /^([\w.:-]+)\s*=\s*(?:"([^"]*)"|([^"]*))$/;

const START = '# disk descriptorfile';

/** Whether a file that begins with `head` is a descriptor alone. */
export function isDescriptor(head: Uint8Array): boolean {
  return new TextDecoder().decode(head.subarray(0, START.length)).toLowerCase() === START;
}

/**
 * Reads the text of a descriptor, which ends at a NUL. Any line must be a comment, an extent or a value, as oslo.utils
 * wants it; throws a FormatError for others.
 */
export function parseDescriptor(bytes: Uint8Array): Descriptor {
  const end = bytes.indexOf(0);
  const text = new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end));
  const values = new Map<string, string>();
  const extents: DescribedExtent[] = [];
  for (const [index, untrimmed] of text.split('\n').entries()) {
    const line = untrimmed.trim();
    if (line === '' || line.startsWith('#')) continue;
    const value = VALUE.exec(line);
    const extent = EXTENT.exec(line);
    if (value) values.set(value[1]!, value[2] ?? value[3]!);
    else if (extent) extents.push(extentOf(extent));
    else
      throw new FormatError(
        'damaged',
        `vmdk: line ${index + 1} of the descriptor: ${quoted(line)}`,
      );
  }
  if (extents.length > MAX_EXTENTS) {
    throw new FormatError('unsupported', `vmdk: ${extents.length} extents, at most ${MAX_EXTENTS}`);
  }
  const createType = values.get('createType');
  if (createType === undefined) {
    throw new FormatError('damaged', 'vmdk: the descriptor does not tell a createType');
  }
  return { createType, extents, values };
}

function extentOf([, sectors, type, file, offsetSectors = '0']: RegExpExecArray): DescribedExtent {
  const size = Number(sectors) * SECTOR_SIZE;
  const fileOffset = Number(offsetSectors) * SECTOR_SIZE;
  if (!Number.isSafeInteger(size) || !Number.isSafeInteger(fileOffset)) {
    throw new FormatError(
      'damaged',
      `vmdk: an extent of ${sectors!} sectors at sector ${offsetSectors}`,
    );
  }
  return { type: type!, size, file, fileOffset };
}

/** Text of an image, fit for a message. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}
