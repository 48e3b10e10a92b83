// Opens a VMDK: a sparse extent that begins with its descriptor, or a descriptor alone, which names files with the extents.

import {
  type ImageFacts,
  type ImageReader,
  type NotOpened,
  type Problem,
  type ReadRequest,
  SECTOR_SIZE,
  type ImageExtent,
} from '../contract.ts';
import { exactNumber } from '../bounds.ts';
import { FormatError } from '../errors.ts';
import { error } from '../problems.ts';
import { viewOf } from '../struct.ts';
import {
  type DescribedExtent,
  type Descriptor,
  isDescriptor,
  parseDescriptor,
} from './descriptor-reader.ts';
import {
  type Extent,
  fits,
  flatExtent,
  sparseExtent,
  unopenedExtent,
  zeroExtent,
} from './extents.ts';
import { COWD_MAGIC, MAGIC, MAX_DESCRIPTOR_SIZE, NO_PARENT, SESPARSE_MAGIC } from './layout.ts';
import { openSparseExtent, type SparseExtent } from './sparse-extent.ts';

// What one file can be. VirtualBox and VMware products call them so.
const IN_ONE_FILE = ['monolithicSparse', 'streamOptimized'];

/** What of the descriptor is shown, and as what. */
const TOLD = {
  CID: 'content ID',
  'ddb.adapterType': 'adapter type',
  'ddb.uuid.image': 'uuid',
  'ddb.virtualHWVersion': 'virtual hardware version',
};

/** Opens a VMDK of VMware's hosted products or of ESXi, but for ESXi's own sparse extents. */
export async function readVmdk(request: ReadRequest): Promise<ImageReader> {
  const { input } = request;
  const head = await input.read(0, Math.min(input.size, SECTOR_SIZE));
  const magic = head.length >= 4 ? viewOf(head).getUint32(0, true) : 0;
  if (magic === MAGIC) return readSparse(await openSparseExtent(input));
  if (magic === COWD_MAGIC || magic === SESPARSE_MAGIC) {
    const kind = magic === COWD_MAGIC ? 'vmfsSparse (COWD)' : 'SEsparse';
    throw new FormatError(
      'unsupported',
      `vmdk: a ${kind} extent of ESXi, which is not read: clone it with vmkfstools -i`,
    );
  }
  if (!isDescriptor(head) || input.size > MAX_DESCRIPTOR_SIZE) {
    throw new FormatError(
      'damaged',
      'vmdk: begins with neither "KDMV" nor "# Disk DescriptorFile"',
    );
  }
  return readExtents(request, parseDescriptor(await input.read(0, input.size)));
}

async function readSparse(extent: SparseExtent): Promise<ImageReader> {
  const { header, input, size } = extent;
  const offset = exactNumber(header.descriptorOffset, 'vmdk: the descriptor') * SECTOR_SIZE;
  const length = exactNumber(header.descriptorSize, 'vmdk: the descriptor') * SECTOR_SIZE;
  if (offset === 0 || length === 0) throw isExtent();
  if (length > MAX_DESCRIPTOR_SIZE) {
    throw new FormatError(
      'unsupported',
      `vmdk: a descriptor of ${length} bytes, at most ${MAX_DESCRIPTOR_SIZE} are read`,
    );
  }
  if (offset + length > input.size) {
    throw new FormatError(
      'damaged',
      `vmdk: a descriptor of ${length} bytes at ${offset}, the image ends at ${input.size}`,
    );
  }
  const text = await input.read(offset, length);
  if (text[0] === 0) throw isExtent(); // QEMU leaves room for one in every file
  const descriptor = parseDescriptor(text);
  const { createType, extents } = descriptor;
  if (!IN_ONE_FILE.includes(createType)) {
    throw new FormatError(
      'unsupported',
      `vmdk: ${createType} in one file, which can be ${IN_ONE_FILE.join(' or ')}`,
    );
  }
  if (extents.length === 1 && fits(extent, extents[0]!.size)) {
    return readerOf(descriptor, [sparseExtent(extent, extents[0]!.size)], []);
  }
  const message = `the descriptor tells of ${extents.length} extents of ${sizeOf(extents)} bytes, the header of one of ${size}`;
  return readerOf(descriptor, [sparseExtent(extent, size)], [error(message)]);
}

function isExtent(): FormatError {
  const message = 'a part of an image in several files: open the .vmdk that is the descriptor';
  return new FormatError('unsupported', `vmdk: ${message}`);
}

async function readExtents(request: ReadRequest, descriptor: Descriptor): Promise<ImageReader> {
  const extents: Extent[] = [];
  for (const described of descriptor.extents) extents.push(await openExtent(request, described));
  return readerOf(descriptor, extents, []);
}

async function openExtent(request: ReadRequest, extent: DescribedExtent): Promise<Extent> {
  const { type, size, file, fileOffset } = extent;
  if (type === 'ZERO') return zeroExtent(size);
  if (!['FLAT', 'VMFS', 'SPARSE'].includes(type)) {
    throw new FormatError(
      'unsupported',
      `vmdk: the extent "${file ?? ''}" is ${type}, read are FLAT, VMFS, SPARSE, ZERO`,
    );
  }
  if (file === undefined) throw new FormatError('damaged', `vmdk: a ${type} extent without a file`);
  const input = await request.openOther(file);
  if (!input) return unopenedExtent(file, size);
  const opened = { name: file, input };
  if (type !== 'SPARSE') return flatExtent(opened, fileOffset, size);
  return sparseExtent(await openSparseExtent(opened.input), size, opened);
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
    throw new FormatError('damaged', `vmdk: a disk of ${diskSize} bytes`);
  }
  return {
    facts: factsOf(descriptor, extents, diskSize),
    notOpened: notOpenedOf(extents),
    extents: (from = 0) => stretchesOf(extents, from),
    check: () => checkOf(extents, problems),
  };
}

function notOpenedOf(extents: readonly Extent[]): NotOpened | undefined {
  const files = extents.flatMap(({ notOpened }) => notOpened ?? []);
  return files.length === 0 ? undefined : { files, isMapped: false };
}

async function* stretchesOf(extents: readonly Extent[], from: number): AsyncGenerator<ImageExtent> {
  let start = 0;
  for (const extent of extents) {
    if (start + extent.size > from) {
      for await (const stretch of extent.stretches(Math.max(0, from - start))) {
        // Only at the end of the disk may a packed grain give more than there is room for.
        if (stretch.diskOffset + stretch.diskLength > extent.size && extent !== extents.at(-1)) {
          throw new FormatError(
            'damaged',
            `vmdk: a grain of "${extent.file?.name ?? ''}" ends past its extent`,
          );
        }
        const diskOffset = start + stretch.diskOffset;
        yield stretch.kind === 'zeros'
          ? { ...stretch, diskOffset }
          : { ...stretch, diskOffset, input: extent.file?.input };
      }
    }
    start += extent.size;
  }
}

async function* checkOf(
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
  const parentCid = cidOf(values, 'parentCID') ?? NO_PARENT;
  const hint = values.get('parentFileNameHint');
  if (parentCid !== NO_PARENT && hint === undefined) {
    throw new FormatError(
      'damaged',
      `vmdk: the parent with the CID ${parentCid} has no parentFileNameHint`,
    );
  }
  const files = extents.flatMap(({ file, notOpened }) => file?.name ?? notOpened ?? []);
  const told = Object.entries(TOLD).flatMap(([name, title]) => {
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
      ...Object.fromEntries(told),
      ...(files.length > 0 && { extents: files }),
    },
    ...(parentCid !== NO_PARENT && { backing: { file: hint!, format: 'vmdk', id: parentCid } }),
  };
}

/** A content ID, of eight digits. */
function cidOf(values: Descriptor['values'], name: string): string | undefined {
  return values.get(name)?.toLowerCase().padStart(8, '0');
}
