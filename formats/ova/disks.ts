// Finds the disks of a machine that are in the archive. Each is a member, and is read in place.

import type { Format, ImageInput, ImageReader, ReadRequest } from '../contract.ts';
import { readVhd } from '../vhd/reader.ts';
import { readVmdk } from '../vmdk/reader.ts';
import type { OvfDisk, OvfFile, OvfMachine } from './decode-ovf.ts';
import type { TarMember } from '../tar/decode-tar.ts';
import { damaged, unsupported } from './faults.ts';

/** A disk that is in the archive. */
export interface FoundDisk {
  readonly disk: OvfDisk;
  readonly file: OvfFile;
  readonly member: TarMember;
}

/** The disks of a machine whose files are in the archive. */
export function disksOf(machine: OvfMachine, members: readonly TarMember[]): FoundDisk[] {
  return machine.disks.flatMap((disk) => {
    const file = machine.files.find(({ id }) => id === disk.fileRef);
    const member = members.find(({ name }) => name === file?.href);
    return file && member ? [{ disk, file, member }] : [];
  });
}

/**
 * The disk with a name, either its diskId or its file; without a name the first that is a disk.
 * Throws a FormatError that lists all disks.
 */
export function chooseDisk(disks: readonly FoundDisk[], wanted: string | undefined): FoundDisk {
  const found =
    wanted === undefined
      ? (disks.find((each) => readOf(each) !== undefined) ?? disks[0])
      : disks.find(({ disk, file }) => disk.id === wanted || file.href === wanted);
  if (found) return found;
  if (disks.length === 0) throw unsupported('the OVF names no disk that is in the archive');
  const names = disks.map(({ disk, member }) => `${disk.id} (${member.name})`).join(', ');
  throw unsupported(`there is no disk "${wanted ?? ''}", the archive has ${names}`);
}

/**
 * Opens a disk of an archive. The offsets of its extents count within the member. The OVF says how
 * the disk is read; its first bytes do not. Rejects with a FormatError if it cannot be read.
 */
export async function openDisk(
  { input, hasher }: ReadRequest,
  { disk, file, member }: FoundDisk,
): Promise<ImageReader> {
  const { name } = member;
  if (file.compression !== undefined || file.chunkSize !== undefined) {
    const how = file.compression ?? `chunks of ${file.chunkSize ?? ''}`;
    throw unsupported(
      `${name} is compressed (${how}): extract the archive and decompress it first`,
    );
  }
  if (disk.parentRef !== undefined) {
    throw unsupported(`${name} holds only what changed since the disk ${disk.parentRef}`);
  }
  const read = readOf({ disk, member });
  if (!read) {
    throw unsupported(`${name} has the format "${disk.format}", vmdk and vhd are supported`);
  }
  return read({
    hasher,
    input: memberInput(input, member),
    openOther: (other) => Promise.reject(unsupported(`a part of ${name} is in the file ${other}`)),
  });
}

/** The reader of a disk; undefined for other media, such as the CDs that VirtualBox lists too. */
export function readOf({
  disk: { format },
  member: { name },
}: Pick<FoundDisk, 'disk' | 'member'>): NonNullable<Format['read']> | undefined {
  const kind = /\.[^.]+$/.exec(name)?.[0].toLowerCase();
  if (/vmdk/i.test(format) || kind === '.vmdk') return readVmdk;
  if (/vhd|virtual-?pc/i.test(format) || kind === '.vhd') return readVhd;
  return undefined;
}

function memberInput(archive: ImageInput, { name, size, imageOffset }: TarMember): ImageInput {
  return {
    size,
    read: async (offset, length) => {
      if (length <= size - offset) return archive.read(imageOffset + offset, length);
      throw damaged(`${name} ends at byte ${size}, within ${length} bytes at ${offset}`);
    },
    isHole: (offset, length) => archive.isHole?.(imageOffset + offset, length) ?? false,
  };
}
