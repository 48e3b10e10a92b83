// Opens an OVA: finds the disk in the archive by the OVF, and has it read where it lies.

import type { ImageFacts, ImageInput, ImageReader, ReadRequest, ImageExtent } from '../contract.ts';
import { FormatError } from '../errors.ts';
import { type Archive, checkArchive } from './archive-check.ts';
import { chooseDisk, disksOf, type FoundDisk, openDisk, readOf } from './disks.ts';
import { MAX_OVF_SIZE, parseOvf } from './ovf-reader.ts';
import { readMembers, type TarMember } from './tar-reader.ts';

/**
 * Opens the disk of that name, its diskId or its file, by default the first. Throws a FormatError that lists them all if
 * there is none of that name.
 */
export async function readOva(request: ReadRequest, wanted?: string): Promise<ImageReader> {
  const archive = await readArchive(request.input);
  const { member, ...found } = chooseDisk(archive.disks, wanted);
  const inner = await openDisk(request, { member, ...found });
  const disks = archive.disks.length > 1 ? await describeDisks(request, archive) : undefined;
  return {
    facts: factsOf(archive, disks, member, inner.facts),
    extents: (from = 0) => shifted(inner, member.imageOffset, from),
    check: () => checkArchive(archive, request),
  };
}

async function readArchive(input: ImageInput): Promise<Archive> {
  const members = await readMembers(input);
  const ovf = members.find(({ name }) => name.endsWith('.ovf'));
  if (!ovf)
    throw new FormatError('damaged', `ova: none of its ${members.length} members is an .ovf`);
  if (ovf.size > MAX_OVF_SIZE) {
    throw new FormatError(
      'unsupported',
      `ova: ${ovf.name} has ${ovf.size} bytes, at most ${MAX_OVF_SIZE} are read`,
    );
  }
  const machine = parseOvf(await input.read(ovf.imageOffset, ovf.size));
  return { members, ovf, machine, disks: disksOf(machine, members) };
}

/** A line for each disk of the archive. What several of them have in common is opened once. */
async function describeDisks(request: ReadRequest, { disks }: Archive): Promise<string[]> {
  const kinds = new Map<TarMember, string>();
  for (const found of disks) {
    if (!kinds.has(found.member)) kinds.set(found.member, await kindOf(request, found));
  }
  return disks.map(({ disk, member }) => `${member.name} (${disk.id}): ${kinds.get(member) ?? ''}`);
}

async function kindOf(request: ReadRequest, found: FoundDisk): Promise<string> {
  if (!readOf(found)) return 'no disk';
  try {
    const { facts } = await openDisk(request, found);
    return `${titleOf(facts)} of ${facts.diskSize} bytes`;
  } catch (error) {
    if (error instanceof FormatError) return 'cannot be read'; // `check` says why
    throw error;
  }
}

function titleOf({ format, subformat }: ImageFacts): string {
  return subformat === undefined ? format : `${format} ${subformat}`;
}

/** The map of the member as one of the archive. */
async function* shifted(inner: ImageReader, by: number, from: number): AsyncGenerator<ImageExtent> {
  for await (const stretch of inner.extents(from)) {
    yield stretch.kind === 'zeros'
      ? stretch
      : { ...stretch, imageOffset: by + stretch.imageOffset };
  }
}

function factsOf(
  { machine }: Archive,
  disks: readonly string[] | undefined,
  chosen: TarMember,
  inner: ImageFacts,
): ImageFacts {
  return {
    format: 'ova',
    subformat: titleOf(inner),
    diskSize: inner.diskSize,
    details: {
      ...machine.details,
      ...(disks && { disks }),
      disk: chosen.name,
      ...inner.details,
    },
    backing: inner.backing,
  };
}
