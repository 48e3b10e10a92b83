// Opens an OVA: finds the disks in the archive by the OVF, and reads them in place.

import type { ImageExtent, ImageFacts, ImageReader, ReadRequest } from '../contract.ts';
import { FormatError } from '../errors.ts';
import { type Archive, readArchive } from './archive.ts';
import { checkOva } from './check.ts';
import type { OvfDisk } from './decode-ovf.ts';
import type { TarMember } from '../tar/decode-tar.ts';
import { chooseDisk, type FoundDisk, listDisks, type MemberTables, openDisk } from './disks.ts';

/**
 * Opens the disk with the name `wanted`, either its diskId or its file; by default the first.
 * Rejects with a FormatError if there is none or it cannot be read.
 */
export async function readOva(request: ReadRequest, wanted?: string): Promise<ImageReader> {
  const archive = await readArchive(request.input);
  const found = chooseDisk(archive.disks, wanted);
  const lines = archive.disks.length > 1 ? await describeDisks(request, archive, found) : undefined;
  const open = (disk: FoundDisk) => readDisk(request, archive, disk, lines);
  return {
    ...(await open(found)),
    disks: wanted === undefined ? listDisks(archive.disks, open) : undefined,
    check: () => checkOva(archive, request),
  };
}

/** Opens one disk. `lines` describe all of them, if there are several. */
async function readDisk(
  request: ReadRequest,
  archive: Archive,
  found: FoundDisk,
  lines: readonly string[] | undefined,
): Promise<ImageReader> {
  const inner = await openDisk(request, found, archive.tables);
  const by = found.member?.imageOffset ?? 0; // it was opened, so it is there
  return {
    facts: factsOf(archive, lines, found.fileName, inner.facts),
    extents: (from = 0) => shifted(inner, by, from),
    check: () => inner.check(),
  };
}

/**
 * A line for each disk. A member that several disks refer to is opened once, and that of the chosen
 * disk first: the limit on all of them must not keep it from being read.
 */
async function describeDisks(
  request: ReadRequest,
  { disks, tables }: Archive,
  chosen: FoundDisk,
): Promise<string[]> {
  const kinds = new Map<TarMember | OvfDisk, string>();
  for (const found of [chosen, ...disks]) {
    const key = found.member ?? found.disk;
    if (!kinds.has(key)) kinds.set(key, await kindOf(request, found, tables));
  }
  return disks.map(({ disk, fileName, member }) => {
    return `${fileName} (${disk.id}): ${kinds.get(member ?? disk) ?? ''}`;
  });
}

async function kindOf(
  request: ReadRequest,
  found: FoundDisk,
  tables: MemberTables,
): Promise<string> {
  if (found.isMedium) return 'not a disk';
  try {
    const { facts } = await openDisk(request, found, tables);
    return `${titleOf(facts)} of ${facts.diskSize} bytes`;
  } catch (error) {
    if (error instanceof FormatError) return 'cannot be read'; // `check` says why
    throw error;
  }
}

function titleOf({ format, subformat }: ImageFacts): string {
  return subformat === undefined ? format : `${format} ${subformat}`;
}

/** The extents of a member, with their places in the archive. */
async function* shifted(inner: ImageReader, by: number, from: number): AsyncGenerator<ImageExtent> {
  for await (const extent of inner.extents(from)) {
    yield extent.kind === 'zeros' ? extent : { ...extent, imageOffset: by + extent.imageOffset };
  }
}

function factsOf(
  { machine }: Archive,
  disks: readonly string[] | undefined,
  fileName: string,
  inner: ImageFacts,
): ImageFacts {
  return {
    format: 'ova',
    subformat: titleOf(inner),
    diskSize: inner.diskSize,
    details: {
      ...machine.details,
      ...(disks && { disks }),
      disk: fileName,
      ...inner.details,
    },
    backing: inner.backing,
  };
}
