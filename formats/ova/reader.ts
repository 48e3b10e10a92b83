// Opens an OVA: finds the disk in the archive by the OVF, and has it read where it lies.

import type { ImageFacts, ImageInput, ImageReader, ReadRequest, Stretch } from '../contract.ts';
import { FormatError } from '../errors.ts';
import { readVhd } from '../vhd/reader.ts';
import { readVmdk } from '../vmdk/reader.ts';
import { type Archive, checkArchive } from './archive-check.ts';
import { MAX_OVF_SIZE, type OvfDisk, type OvfFile, parseOvf } from './ovf-reader.ts';
import { readMembers, type TarMember } from './tar-reader.ts';

/** A disk that the archive has, with its place. */
interface FoundDisk {
  readonly disk: OvfDisk;
  readonly file: OvfFile;
  readonly member: TarMember;
}

/**
 * Opens the disk of that name, its diskId or its file, by default the first. Throws a FormatError that lists them all if
 * there is none of that name.
 */
export async function readOva(request: ReadRequest, wanted?: string): Promise<ImageReader> {
  const { input, hasher } = request;
  const archive = await readArchive(input);
  const disks = disksOf(archive);
  const found = chooseDisk(disks, wanted);
  const { member } = found;
  const inner = await readerOf(found, {
    hasher,
    input: memberInput(input, member),
    openOther: (name) =>
      Promise.reject(new FormatError(`ova: ${member.name} has a part in ${name}`)),
  });
  return {
    facts: factsOf(archive, disks, member, inner.facts),
    stretches: (from = 0) => shifted(inner, member.imageOffset, from),
    check: () => checkArchive(archive, { request, member, disk: found.disk, inner }),
  };
}

async function readArchive(input: ImageInput): Promise<Archive> {
  const members = await readMembers(input);
  const ovf = members.find(({ name }) => name.endsWith('.ovf'));
  if (!ovf) throw new FormatError(`ova: none of its ${members.length} members is an .ovf`);
  if (ovf.size > MAX_OVF_SIZE) {
    throw new FormatError(
      `ova: ${ovf.name} has ${ovf.size} bytes, at most ${MAX_OVF_SIZE} are read`,
    );
  }
  const machine = parseOvf(await input.read(ovf.imageOffset, ovf.size));
  return { members, ovf, machine };
}

function disksOf({ machine, members }: Archive): FoundDisk[] {
  return machine.disks.flatMap((disk) => {
    const file = machine.files.find(({ id }) => id === disk.fileRef);
    const member = members.find(({ name }) => name === file?.href);
    return file && member ? [{ disk, file, member }] : [];
  });
}

function chooseDisk(disks: readonly FoundDisk[], wanted: string | undefined): FoundDisk {
  const found =
    wanted === undefined
      ? disks[0]
      : disks.find(({ disk, file }) => disk.id === wanted || file.href === wanted);
  if (found) return found;
  const names = disks.map(({ disk, member }) => `${disk.id} (${member.name})`).join(', ');
  throw new FormatError(
    disks.length === 0
      ? 'ova: the OVF names no disk that is in the archive'
      : `ova: no disk "${wanted ?? ''}", there are ${names}`,
  );
}

/** By what the OVF says: what is in the disk's first bytes does not decide how it is read. */
async function readerOf(
  { disk, file, member }: FoundDisk,
  request: ReadRequest,
): Promise<ImageReader> {
  if (file.compression !== undefined || file.chunkSize !== undefined) {
    const how = file.compression ?? `chunks of ${file.chunkSize ?? ''}`;
    throw new FormatError(
      `ova: ${member.name} is packed (${how}): unpack the archive and that file first`,
    );
  }
  if (disk.parentRef !== undefined) {
    throw new FormatError(
      `ova: ${member.name} has only what is new since the disk ${disk.parentRef}`,
    );
  }
  const kind = /\.[^.]+$/.exec(member.name)?.[0].toLowerCase();
  if (/vmdk/i.test(disk.format) || kind === '.vmdk') return readVmdk(request);
  if (/vhd|virtual-?pc/i.test(disk.format) || kind === '.vhd') return readVhd(request);
  throw new FormatError(
    `ova: ${member.name} is of the format "${disk.format}", read are vmdk and vhd`,
  );
}

function memberInput(archive: ImageInput, { name, size, imageOffset }: TarMember): ImageInput {
  return {
    size,
    read: async (offset, length) => {
      if (length <= size - offset) return archive.read(imageOffset + offset, length);
      throw new FormatError(`${name} ends at byte ${size}, within ${length} bytes at ${offset}`);
    },
  };
}

/** The map of the member as one of the archive. */
async function* shifted(inner: ImageReader, by: number, from: number): AsyncGenerator<Stretch> {
  for await (const stretch of inner.stretches(from)) {
    yield stretch.kind === 'zeros'
      ? stretch
      : { ...stretch, imageOffset: by + stretch.imageOffset };
  }
}

function factsOf(
  { machine }: Archive,
  disks: readonly FoundDisk[],
  chosen: TarMember,
  inner: ImageFacts,
): ImageFacts {
  const { format, subformat, diskSize, details, backing } = inner;
  const kind = subformat === undefined ? format : `${format} ${subformat}`;
  return {
    format: 'ova',
    subformat: kind,
    diskSize,
    details: {
      ...machine.details,
      ...(disks.length > 1 && { disks: disks.map(({ member }) => member.name) }),
      disk: chosen.name,
      ...details,
    },
    backing,
  };
}
