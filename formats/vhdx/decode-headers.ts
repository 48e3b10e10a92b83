import type { ImageInput } from '../contract.ts';
import { checksumProblem } from '../problems.ts';
import { ascii, viewOf } from '../struct.ts';
import { damaged, unsupported } from './faults.ts';
import {
  checksumOf,
  FILE_SIGNATURE,
  fileIdentifier,
  header,
  HEADER_OFFSETS,
  HEADER_SIGNATURE,
} from './layout.ts';

export type Header = ReturnType<typeof header.decode>;

/** The creator that the file identifier names. Throws a FormatError if the file is no VHDX. */
export async function readCreator(input: ImageInput): Promise<string> {
  const { signature, creator } = fileIdentifier.decode(await input.read(0, fileIdentifier.size));
  if (signature !== FILE_SIGNATURE) {
    throw damaged(`the file does not begin with "${FILE_SIGNATURE}"`);
  }
  return (new TextDecoder('utf-16le').decode(creator).split('\0')[0] ?? '').trimEnd();
}

/** The header that counts. Throws a FormatError if none does. */
export async function readHeader(input: ImageInput): Promise<Header> {
  const copies = [];
  for (const offset of HEADER_OFFSETS) copies.push(await input.read(offset, header.size));
  const [first, second] = copies.map((bytes) => damageOf(bytes, HEADER_SIGNATURE));
  if (first !== undefined && second !== undefined) {
    throw damaged(`no header: the first ${first}, the second ${second}`);
  }
  const [one, other] = copies.map((bytes) => header.decode(bytes)) as [Header, Header];
  const current = chooseHeader(first === undefined && one, second === undefined && other);
  if (current.version === 1) return current;
  throw unsupported(`version ${current.version} of the format, only 1 is known`);
}

function chooseHeader(one: Header | false, other: Header | false): Header {
  if (!one || !other) return (one || other) as Header; // one of them is sound
  if (one.sequenceNumber !== other.sequenceNumber) {
    return one.sequenceNumber > other.sequenceNumber ? one : other;
  }
  // Disk2vhd writes the same header twice.
  if (one.checksum === other.checksum) return one;
  throw damaged(
    `neither header is the newer one: both have the sequence number ${one.sequenceNumber}`,
  );
}

const signatureField = ascii(4);

/**
 * Why a struct with that signature and a checksum after it cannot be relied on; undefined if it
 * can.
 */
export function damageOf(encoded: Uint8Array, signature: string): string | undefined {
  const view = viewOf(encoded);
  if (signatureField.get(view, 0, true) !== signature) return `does not begin with "${signature}"`;
  const found = view.getUint32(signatureField.size, true);
  const sum = checksumOf(encoded);
  return found === sum ? undefined : checksumProblem(found, sum);
}
