// The disks of a machine that the archive has: each in a member, read where it lies.

import type { Format, ImageInput, ImageReader, ReadRequest } from '../contract.ts';
import { FormatError } from '../errors.ts';
import { readVhd } from '../vhd/reader.ts';
import { readVmdk } from '../vmdk/reader.ts';
import type { OvfDisk, OvfFile, OvfMachine } from './ovf-reader.ts';
import type { TarMember } from './tar-reader.ts';

/** A disk that the archive has, with its place. */
export interface FoundDisk {
  readonly disk: OvfDisk;
  readonly file: OvfFile;
  readonly member: TarMember;
}

/** The disks of the OVF whose files are in the archive. */
export function disksOf(machine: OvfMachine, members: readonly TarMember[]): FoundDisk[] {
  return machine.disks.flatMap((disk) => {
    const file = machine.files.find(({ id }) => id === disk.fileRef);
    const member = members.find(({ name }) => name === file?.href);
    return file && member ? [{ disk, file, member }] : [];
  });
}

/** The disk of that name, its diskId or its file; without a name the first that is one. Throws a FormatError that lists them all. */
export function chooseDisk(disks: readonly FoundDisk[], wanted: string | undefined): FoundDisk {
  const found =
    wanted === undefined
      ? (disks.find((each) => readOf(each) !== undefined) ?? disks[0])
      : disks.find(({ disk, file }) => disk.id === wanted || file.href === wanted);
  if (found) return found;
  const names = disks.map(({ disk, member }) => `${disk.id} (${member.name})`).join(', ');
  throw new FormatError(
    'unsupported',
    disks.length === 0
      ? 'ova: the OVF names no disk that is in the archive'
      : `ova: no disk "${wanted ?? ''}", there are ${names}`,
  );
}

/**
 * Opens a disk of the archive that `request` is of; offsets of its map count within the member. By what the OVF says: what
 * is in the disk's first bytes does not decide how it is read. Throws a FormatError for what cannot be read.
 */
export async function openDisk(
  { input, hasher }: ReadRequest,
  { disk, file, member }: FoundDisk,
): Promise<ImageReader> {
  if (file.compression !== undefined || file.chunkSize !== undefined) {
    const how = file.compression ?? `chunks of ${file.chunkSize ?? ''}`;
    throw new FormatError(
      'unsupported',
      `ova: ${member.name} is packed (${how}): unpack the archive and that file first`,
    );
  }
  if (disk.parentRef !== undefined) {
    throw new FormatError(
      'unsupported',
      `ova: ${member.name} has only what is new since the disk ${disk.parentRef}`,
    );
  }
  const request: ReadRequest = {
    hasher,
    input: memberInput(input, member),
    openOther: (name) =>
      Promise.reject(new FormatError('unsupported', `ova: ${member.name} has a part in ${name}`)),
  };
  const read = readOf({ disk, member });
  if (read) return read(request);
  throw new FormatError(
    'unsupported',
    `ova: ${member.name} is of the format "${disk.format}", read are vmdk and vhd`,
  );
}

/** The reader for a disk; undefined for other media, such as the ISO 9660 images that VirtualBox lists as disks too. */
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
      throw new FormatError(
        'damaged',
        `${name} ends at byte ${size}, within ${length} bytes at ${offset}`,
      );
    },
  };
}
