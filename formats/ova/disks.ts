// Finds the disks of a machine in the archive. Each is a member, and is read in place.

import type { DiskInImage, ImageInput, ImageReader, ReadRequest } from '../contract.ts';
import { readVhd } from '../vhd/reader.ts';
import { readVmdk } from '../vmdk/reader.ts';
import { type CountTables, tableCounter } from '../vmdk/sparse-extent.ts';
import type { OvfDisk, OvfFile, OvfItem, OvfMachine } from './decode-ovf.ts';
import type { TarMember } from '../tar/decode-tar.ts';
import { memberInput } from '../tar/member-image.ts';
import { damaged, unsupported } from './faults.ts';

/** A disk of the machine that is not empty. Its file may be missing. */
export interface FoundDisk {
  readonly disk: OvfDisk;
  /** The name of its file; of one that the OVF does not list, the reference. */
  readonly fileName: string;
  /** Undefined if the OVF does not list it. */
  readonly file: OvfFile | undefined;
  /** Undefined if it is not in the archive. */
  readonly member: TarMember | undefined;
  /** Whether it is a CD or a floppy disk, as VirtualBox lists them too. */
  readonly isMedium: boolean;
}

/**
 * The disks of a machine that have files, in the order in which the hardware lists them, as Proxmox
 * boots from them; those that it does not list come last. A disk without a file is empty.
 */
export function disksOf(machine: OvfMachine, members: readonly TarMember[]): FoundDisk[] {
  const attached = attachedDisks(machine.items);
  const found = machine.disks.flatMap((disk) => {
    const { id, fileRef, format } = disk;
    if (fileRef === undefined) return [];
    const file = machine.files.find((each) => each.id === fileRef);
    const fileName = file?.href ?? fileRef;
    const member = file && members.find(({ name }) => name === fileName);
    const isMedium = isMediumIn(attached.get(id) ?? [], format, fileName);
    return [{ disk, fileName, file, member, isMedium }];
  });
  const order = [...attached.keys()];
  const placeOf = ({ disk }: FoundDisk) => order.indexOf(disk.id) >>> 0; // -1 becomes the last
  return found.sort((one, other) => placeOf(one) - placeOf(other));
}

/** By the ids of disks, the "ResourceType" of each piece of hardware that names them. */
function attachedDisks(items: readonly OvfItem[]): Map<string, string[]> {
  const attached = new Map<string, string[]>();
  for (const item of items) {
    const disk = diskOfItem(item);
    if (disk === undefined) continue;
    const types = attached.get(disk) ?? [];
    types.push(item.get('ResourceType') ?? '');
    attached.set(disk, types);
  }
  return attached;
}

// "ResourceType" of CIM_ResourceAllocationSettingData: floppy, CD and DVD drive.
const MEDIUM_DRIVES = ['14', '15', '16'];

/** The hardware that a disk is in says what it is; its format does, if no hardware has it. */
function isMediumIn(drives: readonly string[], format: string, fileName: string): boolean {
  if (drives.length > 0) return drives.every((type) => MEDIUM_DRIVES.includes(type));
  return readOf(format, fileName) === undefined && /ecma-119|\.iso$/i.test(`${format} ${fileName}`);
}

/** The diskId that a piece of hardware names; undefined if it is not a disk. */
export function diskOfItem(item: OvfItem): string | undefined {
  return /^(?:ovf:)?\/{1,2}disk\/(.+)$/.exec(item.get('HostResource') ?? '')?.[1];
}

/**
 * The disks to list for `ImageReader.disks`: undefined unless there are several. CDs and floppy
 * disks do not count, and a file that several disks name counts once: a hostile archive would else
 * be read as often. A disk that cannot be read does count. Throws a FormatError if two disks have
 * the same id, by which they are chosen.
 */
export function listDisks(
  disks: readonly FoundDisk[],
  open: (found: FoundDisk) => Promise<ImageReader>,
): DiskInImage[] | undefined {
  const byFile = new Map<TarMember | OvfDisk, FoundDisk>();
  for (const found of disks) {
    const file = found.member ?? found.disk;
    if (!found.isMedium && !byFile.has(file)) byFile.set(file, found);
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
      ? (disks.find(({ isMedium }) => !isMedium) ?? disks[0])
      : disks.find(({ disk, fileName }) => disk.id === wanted || fileName === wanted);
  if (found) return found;
  if (disks.length === 0) throw unsupported('the OVF names no disk that has a file');
  const names = disks.map(({ disk, fileName }) => `${disk.id} (${fileName})`).join(', ');
  throw unsupported(`there is no disk "${wanted ?? ''}", the archive has ${names}`);
}

/**
 * Opens a disk of an archive. The offsets of its extents count within the member. The OVF says how
 * the disk is read; its first bytes do not. Rejects with a FormatError if it cannot be read.
 */
export async function openDisk(
  request: ReadRequest,
  found: FoundDisk,
  tables: MemberTables,
): Promise<ImageReader> {
  const readable = readableDisk(found);
  const { member } = readable;
  const input = memberInput(request.input, member, damaged);
  return openFile(request, readable, input, (count) => tables(member, count));
}

/** Counts the grain tables of a member. Throws a FormatError if the archive has too many. */
export type MemberTables = (member: TarMember, count: number) => void;

/** Counts each member once, however often it is opened. */
export function memberTables(): MemberTables {
  const countTables = tableCounter('all disks');
  const counted = new Set<TarMember>();
  return (member, count) => {
    if (!counted.has(member)) countTables(count);
    counted.add(member);
  };
}

/** A disk whose file is there, in a form that can be read. */
export interface ReadableDisk {
  readonly file: OvfFile;
  readonly member: TarMember;
  readonly read: ReadDisk;
}

/** Throws a FormatError that names the disk and its file if it cannot be read. */
export function readableDisk({ disk, fileName, file, member }: FoundDisk): ReadableDisk {
  const what = `the disk ${disk.id} in ${fileName}`;
  // The members of chunks have other names, so this comes before the search for the file.
  if (file?.chunkSize !== undefined) {
    throw unsupported(`${what} is in chunks of ${file.chunkSize} bytes: join them first`);
  }
  const where = `the disk ${disk.id} is in the file ${fileName}`;
  if (!file) throw damaged(`${where}, which the OVF does not list`);
  if (!member) throw damaged(`${where}, which is not in the archive`);
  if (file.compression !== undefined) {
    const how = `is compressed (${file.compression})`;
    throw unsupported(`${what} ${how}: extract the archive and decompress it first`);
  }
  if (disk.parentRef !== undefined) {
    throw unsupported(`${what} holds only what changed since the disk ${disk.parentRef}`);
  }
  const read = readOf(disk.format, fileName);
  if (read) return { file, member, read };
  throw unsupported(`${what} has the format "${disk.format}", vmdk and vhd are supported`);
}

/** The same as `openDisk` for a disk in a file, `input`. */
export function openFile(
  { hasher }: Pick<ReadRequest, 'hasher'>,
  { member: { name }, read }: ReadableDisk,
  input: ImageInput,
  countTables?: CountTables,
): Promise<ImageReader> {
  const refuse = (other: string) => unsupported(`a part of ${name} is in the file ${other}`);
  const openOther = (other: string) => Promise.reject(refuse(other));
  return read({ hasher, input, openOther }, countTables);
}

type ReadDisk = (request: ReadRequest, countTables?: CountTables) => Promise<ImageReader>;

/** The reader of a disk in a format; undefined for other formats. */
function readOf(format: string, fileName: string): ReadDisk | undefined {
  const kind = /\.[^.]+$/.exec(fileName)?.[0].toLowerCase();
  if (/vmdk/i.test(format) || kind === '.vmdk') return readVmdk;
  if (/vhd|virtual-?pc/i.test(format) || kind === '.vhd') return readVhd;
  return undefined;
}
