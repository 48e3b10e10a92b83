// The members of a tar. Of the headers that pax and GNU tar put in front of a member, its path and
// its size are used.

import type { ImageInput } from '../contract.ts';
import { paddingAfter } from '../rounding.ts';
import { isZero } from '../zeros.ts';
import { damaged, unsupported } from './faults.ts';
import { CHECKSUM_AT, CHECKSUM_END, header, REGULAR_FILE, TAR_BLOCK, USTAR } from './layout.ts';

/** A regular file in an archive. */
export interface TarMember {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** Where its bytes begin in the archive. */
  readonly imageOffset: number;
}

/** Limits of this program. A machine has a few members with short names. */
const MAX_HEADERS = 4096;
const MAX_EXTENSIONS = 2 ** 20; // bytes in all

const SPACE = 0x20;

/** What a header of its own says about the next member. */
interface Extension {
  readonly path?: string;
  readonly size?: number;
}

/** Reads the headers of an archive. Rejects with a FormatError for one that cannot be right. */
export async function readMembers(input: ImageInput): Promise<TarMember[]> {
  const members: TarMember[] = [];
  let extension: Extension = {};
  let extensionBytes = 0;
  let at = 0;
  for (let count = 0; at + TAR_BLOCK <= input.size; count++) {
    const block = await input.read(at, TAR_BLOCK);
    if (isZero(block)) return members;
    if (count === MAX_HEADERS) {
      throw unsupported(`the archive has more than ${MAX_HEADERS} members`);
    }
    const found = decodeTarHeader(block);
    if (!found) throw damaged(`there is no valid tar header at ${at}`);
    const size = extension.size ?? found.size;
    const imageOffset = at + TAR_BLOCK;
    if (!Number.isSafeInteger(size) || size < 0 || size > input.size - imageOffset) {
      throw damaged(`the member at ${at} has ${size} bytes, the archive ends at ${input.size}`);
    }
    if (isExtension(found)) {
      extensionBytes += size;
      if (extensionBytes > MAX_EXTENSIONS) {
        const what = `pax records of ${extensionBytes} bytes`;
        throw unsupported(`${what}, at most ${MAX_EXTENSIONS} can be read`);
      }
      extension = { ...extension, ...(await readExtension(input, found, imageOffset, size)) };
    } else {
      const name = extension.path ?? found.name;
      if (isRegular(found)) members.push({ name: name.replace(/^\.\//, ''), size, imageOffset });
      extension = {};
    }
    at = imageOffset + size + paddingAfter(size, TAR_BLOCK);
  }
  return members;
}

/** The name of the member whose header `bytes` begins with; undefined if it is not a tar header. */
export function memberName(bytes: Uint8Array): string | undefined {
  if (bytes.length < TAR_BLOCK) return undefined;
  const { magic, name } = header.decode(bytes);
  return magic.startsWith(USTAR) ? name : undefined;
}

/** What a header says. */
export interface TarHeader {
  /** With its prefix. */
  readonly name: string;
  /** In bytes; NaN or Infinity for anything but such a number. */
  readonly size: number;
  /** A digit or a letter; empty for a regular file in archives from before POSIX. */
  readonly typeflag: string;
}

/** Decodes the header in a block; undefined if its checksum is wrong. */
export function decodeTarHeader(block: Uint8Array): TarHeader | undefined {
  const { name, size, typeflag, magic, prefix, checksum } = header.decode(block);
  const isChecksum = (i: number) => i >= CHECKSUM_AT && i < CHECKSUM_END;
  const sum = block.reduce((total, byte, i) => total + (isChecksum(i) ? SPACE : byte), 0);
  if (Number.parseInt(checksum, 8) !== sum) return undefined;
  const hasPrefix = magic === USTAR && prefix !== '';
  return { name: hasPrefix ? `${prefix}/${name}` : name, size, typeflag };
}

function isRegular({ typeflag }: TarHeader): boolean {
  return typeflag === REGULAR_FILE || typeflag === '';
}

/** pax: for the next member or for all that follow. GNU: a long name or a long link. */
export function isExtension({ typeflag }: TarHeader): boolean {
  return ['x', 'g', 'L', 'K'].includes(typeflag);
}

async function readExtension(
  input: ImageInput,
  { typeflag }: TarHeader,
  imageOffset: number,
  size: number,
): Promise<Extension> {
  if (typeflag === 'g' || typeflag === 'K') return {};
  const text = new TextDecoder().decode(await input.read(imageOffset, size));
  return typeflag === 'L' ? { path: text.replace(/\0.*$/s, '') } : paxRecords(text);
}

/** "LENGTH KEYWORD=VALUE\n". Lines within a value do not have a keyword that is used here. */
function paxRecords(text: string): Extension {
  const path = /^\d+ path=(.*)$/m.exec(text)?.[1];
  const size = /^\d+ size=(\d+)$/m.exec(text)?.[1];
  return {
    ...(path !== undefined && { path }),
    ...(size !== undefined && { size: Number(size) }),
  };
}
