// Opens a VMDK: a sparse extent with its descriptor, or a descriptor that names files with extents.

import { exactNumber } from '../bounds.ts';
import {
  type BackingFacts,
  type ImageExtent,
  type ImageFacts,
  type ImageReader,
  type ImageUuids,
  type NotOpened,
  type Problem,
  type ReadRequest,
  SECTOR_SIZE,
} from '../contract.ts';
import { error } from '../problems.ts';
import { viewOf } from '../struct.ts';
import {
  checkDescriptorSize,
  decodeDescriptor,
  type DescribedExtent,
  type Descriptor,
  isDescriptor,
} from './decode-descriptor.ts';
import {
  type Extent,
  fits,
  flatExtent,
  sparseExtent,
  unopenedExtent,
  zeroExtent,
} from './extent-kinds.ts';
import { damaged, unsupported } from './faults.ts';
import { COWD_MAGIC, MAGIC, NO_PARENT, SESPARSE_MAGIC } from './layout.ts';
import {
  type CountTables,
  openSparseExtent,
  type SparseExtent,
  tableCounter,
} from './sparse-extent.ts';

// createTypes of an image in one file, by VirtualBox and VMware products.
const IN_ONE_FILE = ['monolithicSparse', 'streamOptimized'];

/** The values of the descriptor that are shown, and their titles. */
const SHOWN = {
  CID: 'content ID',
  'ddb.adapterType': 'adapter type',
  'ddb.uuid.image': 'uuid',
  'ddb.virtualHWVersion': 'virtual hardware version',
};

/**
 * Opens a VMDK of VMware's hosted products or of ESXi, except ESXi's own sparse extents. Rejects
 * with a FormatError if it is not a VMDK or cannot be read, or if `countTables` throws one.
 */
export async function readVmdk(
  request: ReadRequest,
  countTables = tableCounter('all extents'),
): Promise<ImageReader> {
  const { input } = request;
  const head = await input.read(0, Math.min(input.size, SECTOR_SIZE));
  const magic = head.length >= 4 ? viewOf(head).getUint32(0, true) : 0;
  if (magic === MAGIC) return readSparse(await openSparseExtent(input, countTables));
  if (magic === COWD_MAGIC || magic === SESPARSE_MAGIC) {
    const kind = magic === COWD_MAGIC ? 'vmfsSparse (COWD)' : 'SEsparse';
    throw unsupported(`a ${kind} extent of ESXi cannot be read: clone it with vmkfstools -i`);
  }
  if (!isDescriptor(head)) {
    throw damaged('the image begins with neither "KDMV" nor "# Disk DescriptorFile"');
  }
  checkDescriptorSize(input.size);
  return readExtents(request, decodeDescriptor(await input.read(0, input.size)), countTables);
}

async function readSparse(extent: SparseExtent): Promise<ImageReader> {
  const { header, input, size } = extent;
  const offset = exactNumber(header.descriptorOffset, 'vmdk: the descriptor') * SECTOR_SIZE;
  const length = exactNumber(header.descriptorSize, 'vmdk: the descriptor') * SECTOR_SIZE;
  if (offset === 0 || length === 0) throw onlyExtent();
  checkDescriptorSize(length);
  if (offset + length > input.size) {
    throw damaged(`the descriptor ends at ${offset + length}, the image at ${input.size}`);
  }
  const text = await input.read(offset, length);
  if (text[0] === 0) throw onlyExtent(); // QEMU leaves room for a descriptor in each file
  const descriptor = decodeDescriptor(text);
  const { createType, extents } = descriptor;
  if (!IN_ONE_FILE.includes(createType)) {
    const types = IN_ONE_FILE.join(' and ');
    throw unsupported(`createType ${createType} in one file, ${types} are supported`);
  }
  if (extents.length === 1 && fits(extent, extents[0]!.size)) {
    return readerOf(descriptor, [sparseExtent(extent, extents[0]!.size)], []);
  }
  const described = `${extents.length} extents of ${sizeOf(extents)} bytes`;
  const problem = error(`the descriptor has ${described}, the header one extent of ${size} bytes`);
  return readerOf(descriptor, [sparseExtent(extent, size)], [problem]);
}

function onlyExtent() {
  return unsupported('this is one extent of an image in several files: open its descriptor');
}

async function readExtents(
  request: ReadRequest,
  descriptor: Descriptor,
  countTables: CountTables,
): Promise<ImageReader> {
  const extents: Extent[] = [];
  for (const described of descriptor.extents) {
    extents.push(await openExtent(request, described, countTables));
  }
  return readerOf(descriptor, extents, []);
}

async function openExtent(
  request: ReadRequest,
  extent: DescribedExtent,
  countTables: CountTables,
): Promise<Extent> {
  const { type, size, file, fileOffset } = extent;
  if (type === 'ZERO') return zeroExtent(size);
  if (!['FLAT', 'VMFS', 'SPARSE'].includes(type)) {
    throw unsupported(`an extent of type ${type}, FLAT, VMFS, SPARSE and ZERO are supported`);
  }
  if (file === undefined) throw damaged(`the descriptor names no file for its ${type} extent`);
  const input = await request.openOther(file);
  if (!input) return unopenedExtent(file, size);
  const opened = { name: file, input };
  if (type !== 'SPARSE') return flatExtent(opened, fileOffset, size);
  return sparseExtent(await openSparseExtent(opened.input, countTables), size, opened);
}

function sizeOf(extents: readonly { readonly size: number }[]): number {
  return extents.reduce((sum, { size }) => sum + size, 0);
}

function readerOf(
  descriptor: Descriptor,
  extents: readonly Extent[],
  problems: readonly Problem[],
): ImageReader {
  const diskSize = sizeOf(extents);
  if (!Number.isSafeInteger(diskSize) || diskSize === 0) {
    throw damaged(`the extents in the descriptor have ${diskSize} bytes`);
  }
  return {
    facts: factsOf(descriptor, extents, diskSize),
    notOpened: notOpenedOf(extents),
    extents: (from = 0) => imageExtentsOf(extents, from),
    check: () => checkAll(extents, problems),
  };
}

function notOpenedOf(extents: readonly Extent[]): NotOpened | undefined {
  const files = extents.flatMap(({ notOpened }) => notOpened ?? []);
  return files.length === 0 ? undefined : { files, isMapped: false };
}

/** The image extents of all VMDK extents, at their places on the disk. */
async function* imageExtentsOf(
  extents: readonly Extent[],
  from: number,
): AsyncGenerator<ImageExtent> {
  let start = 0;
  for (const extent of extents) {
    if (start + extent.size > from) {
      for await (const found of extent.imageExtents(Math.max(0, from - start))) {
        // Only at the end of the disk may a compressed grain reach past its extent.
        if (found.diskOffset + found.diskLength > extent.size && extent !== extents.at(-1)) {
          throw damaged(`a grain of "${extent.file?.name ?? ''}" reaches past its extent`);
        }
        const diskOffset = start + found.diskOffset;
        yield found.kind === 'zeros'
          ? { ...found, diskOffset }
          : { ...found, diskOffset, input: extent.file?.input };
      }
    }
    start += extent.size;
  }
}

async function* checkAll(
  extents: readonly Extent[],
  problems: readonly Problem[],
): AsyncGenerator<Problem> {
  yield* problems;
  for (const extent of extents) {
    for await (const { severity, message } of extent.check()) {
      yield { severity, message: extent.file ? `${extent.file.name}: ${message}` : message };
    }
  }
}

function factsOf(
  { createType, values }: Descriptor,
  extents: readonly Extent[],
  diskSize: number,
): ImageFacts {
  const files = extents.flatMap(({ file, notOpened }) => file?.name ?? notOpened ?? []);
  const shown = Object.entries(SHOWN).flatMap(([name, title]) => {
    const value = values.get(name);
    return value === undefined ? [] : [[title, value] as const];
  });
  return {
    format: 'vmdk',
    subformat: createType,
    diskSize,
    id: cidOf(values, 'CID'),
    details: {
      ...extents[0]?.details,
      ...Object.fromEntries(shown),
      ...(files.length > 0 && { extents: files }),
    },
    uuids: uuidsOf(values, 'ddb.uuid.image', 'ddb.uuid.modification'),
    backing: parentOf(values),
  };
}

/**
 * VMware links an image to its parent by a name and a CID. VirtualBox leaves both out, and finds
 * the parent in its registry by UUID.
 */
function parentOf(values: Descriptor['values']): BackingFacts | undefined {
  const format = 'vmdk';
  const cid = cidOf(values, 'parentCID') ?? NO_PARENT;
  const file = values.get('parentFileNameHint');
  if (cid !== NO_PARENT && file !== undefined) return { file, format, id: cid };
  const uuids = uuidsOf(values, 'ddb.uuid.parent', 'ddb.uuid.parentmodification');
  if (uuids) return { file, format, uuids };
  if (cid === NO_PARENT) return undefined;
  throw damaged(`the descriptor has the parent CID ${cid}, but no parentFileNameHint`);
}

/** Undefined without that UUID, or if it is nil. */
function uuidsOf(
  values: Descriptor['values'],
  imageKey: string,
  modificationKey: string,
): ImageUuids | undefined {
  const [image, modification] = [imageKey, modificationKey].map((key) => {
    const uuid = values.get(key)?.toLowerCase();
    return uuid === undefined || /^[0-]*$/.test(uuid) ? undefined : uuid;
  });
  return image === undefined ? undefined : { image, modification };
}

/** A content ID, in eight digits. */
function cidOf(values: Descriptor['values'], name: string): string | undefined {
  return values.get(name)?.toLowerCase().padStart(8, '0');
}
