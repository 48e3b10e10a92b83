// The members of a tar of somebody else. Of what pax and GNU tar put before a member, its path and its size count.

import type { ImageInput } from '../contract.ts';
import { FormatError } from '../errors.ts';
import { decodeHeader, paddingAfter, TAR_BLOCK, type TarHeader } from './tar.ts';

/** A regular file in an archive. */
export interface TarMember {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** Of its first byte. */
  readonly imageOffset: number;
}

/** Limits of this program: an OVA has a few members, and names of some letters. */
const MAX_HEADERS = 4096;
const MAX_EXTENSION = 2 ** 20;

/** What was told of the next member in a header of its own. */
interface Extension {
  readonly path?: string;
  readonly size?: number;
}

/** Reads the headers of an archive up to its end. Throws a FormatError where one is damaged or leads out of the archive. */
export async function readMembers(input: ImageInput): Promise<TarMember[]> {
  const members: TarMember[] = [];
  let extension: Extension = {};
  let at = 0;
  for (let count = 0; at + TAR_BLOCK <= input.size; count++) {
    const block = await input.read(at, TAR_BLOCK);
    if (block.every((byte) => byte === 0)) return members;
    if (count === MAX_HEADERS)
      throw new FormatError('unsupported', `ova: more than ${MAX_HEADERS} members`);
    const header = decodeHeader(block);
    if (!header)
      throw new FormatError('damaged', `ova: no tar header at ${at}, or one that is damaged`);
    const size = extension.size ?? header.size;
    const imageOffset = at + TAR_BLOCK;
    if (!Number.isSafeInteger(size) || size < 0 || size > input.size - imageOffset) {
      throw new FormatError(
        'damaged',
        `ova: the member at ${at} has ${size} bytes, the archive ends at ${input.size}`,
      );
    }
    if (isExtension(header)) {
      extension = { ...extension, ...(await readExtension(input, header, imageOffset, size)) };
    } else {
      const name = extension.path ?? header.name;
      if (isRegular(header)) members.push({ name: name.replace(/^\.\//, ''), size, imageOffset });
      extension = {};
    }
    at = imageOffset + size + paddingAfter(size, TAR_BLOCK);
  }
  return members;
}

function isRegular({ typeflag }: TarHeader): boolean {
  return typeflag === '0' || typeflag === '';
}

/** Of pax: of the next member, of all that follow. Of GNU: a long name, a long link. */
function isExtension({ typeflag }: TarHeader): boolean {
  return ['x', 'g', 'L', 'K'].includes(typeflag);
}

async function readExtension(
  input: ImageInput,
  { typeflag }: TarHeader,
  imageOffset: number,
  size: number,
): Promise<Extension> {
  if (size > MAX_EXTENSION)
    throw new FormatError('unsupported', `ova: ${size} bytes of pax records`);
  if (typeflag === 'g' || typeflag === 'K') return {};
  const text = new TextDecoder().decode(await input.read(imageOffset, size));
  return typeflag === 'L' ? { path: text.replace(/\0.*$/s, '') } : paxRecords(text);
}

/** "LENGTH KEYWORD=VALUE\n"; values with line ends have no keyword that counts here. */
function paxRecords(text: string): Extension {
  const path = /^\d+ path=(.*)$/m.exec(text)?.[1];
  const size = /^\d+ size=(\d+)$/m.exec(text)?.[1];
  return {
    ...(path !== undefined && { path }),
    ...(size !== undefined && { size: Number(size) }),
  };
}
