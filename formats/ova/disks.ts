// Finds the disks of a machine that are in the archive. Each is a member, and is read in place.

import type { DiskInImage, Format, ImageInput, ImageReader, ReadRequest } from '../contract.ts';
import { readVhd } from '../vhd/reader.ts';
import { readVmdk } from '../vmdk/reader.ts';
import type { OvfDisk, OvfFile, OvfItem, OvfMachine } from './decode-ovf.ts';
import type { TarMember } from '../tar/decode-tar.ts';
import { memberInput } from '../tar/member-image.ts';
import { damaged, unsupported } from './faults.ts';

/** A disk that is in the archive. */
export interface FoundDisk {
  readonly disk: OvfDisk;
  readonly file: OvfFile;
  readonly member: TarMember;
}

/**
 * The disks of a machine whose files are in the archive, in the order in which the hardware lists
 * them, as Proxmox boots from them; those that it does not list come last.
 */
export function disksOf(machine: OvfMachine, members: readonly TarMember[]): FoundDisk[] {
  const found = machine.disks.flatMap((disk) => {
    const file = machine.files.find(({ id }) => id === disk.fileRef);
    const member = members.find(({ name }) => name === file?.href);
    return file && member ? [{ disk, file, member }] : [];
  });
  const attached = machine.items.map(diskOfItem);
  const placeOf = ({ disk }: FoundDisk) => attached.indexOf(disk.id) >>> 0; // -1 becomes the last
  return found.sort((one, other) => placeOf(one) - placeOf(other));
}

/** The diskId that a piece of hardware names; undefined if it is not a disk. */
export function diskOfItem(item: OvfItem): string | undefined {
  return /^(?:ovf:)?\/{1,2}disk\/(.+)$/.exec(item.get('HostResource') ?? '')?.[1];
}

/**
 * The disks to list for `ImageReader.disks`: undefined unless there are several. Other media do not
 * count, and a file that several disks name counts once: a hostile archive would else be read as
 * often. Throws a FormatError if two disks have the same id, by which they are chosen.
 */
export function listDisks(
  disks: readonly FoundDisk[],
  open: (found: FoundDisk) => Promise<ImageReader>,
): DiskInImage[] | undefined {
  const byFile = new Map<string, FoundDisk>();
  for (const found of disks) {
    const { href } = found.file;
    if (readOf(found) !== undefined && !byFile.has(href)) byFile.set(href, found);
  }
  const byName = new Map<string, DiskInImage>();
  for (const found of byFile.values()) {
    const { id: name } = found.disk;
    if (byName.has(name)) throw damaged(`the OVF has two disks ${JSON.stringify(name)}`);
    byName.set(name, { name, read: () => open(found) });
  }
  return byName.size > 1 ? [...byName.values()] : undefined;
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
export function openDisk(request: ReadRequest, found: FoundDisk): Promise<ImageReader> {
  return openFile(request, found, memberInput(request.input, found.member, damaged));
}

/** The same for a disk in a file, `input`. */
export async function openFile(
  { hasher }: Pick<ReadRequest, 'hasher'>,
  { disk, file, member }: FoundDisk,
  input: ImageInput,
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
    input,
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
