// Opens an OVF that is not in an archive: its disks are files beside it, which it names.

import type {
  DiskInImage,
  ImageExtent,
  ImageInput,
  ImageReader,
  Problem,
  ReadRequest,
} from '../contract.ts';
import { FormatError } from '../errors.ts';
import { error } from '../problems.ts';
import { decodeOvf, MAX_OVF_SIZE, type OvfMachine } from './decode-ovf.ts';
import { chooseDisk, disksOf, type FoundDisk, listDisks, openFile, readableDisk } from './disks.ts';
import { unsupported } from './faults.ts';

/**
 * Opens the disk with the name `wanted`, either its diskId or its file; by default the first.
 * Rejects with a FormatError if there is none or it cannot be read.
 */
export async function readOvf(request: ReadRequest, wanted?: string): Promise<ImageReader> {
  const { input } = request;
  if (input.size > MAX_OVF_SIZE) {
    throw unsupported(`the OVF has ${input.size} bytes, at most ${MAX_OVF_SIZE} can be read`);
  }
  const machine = decodeOvf(await input.read(0, input.size));
  const files = machine.files.map(({ href }) => ({ name: href, size: 0, imageOffset: 0 }));
  const found = disksOf(machine, files);
  const once = { ...request, openOther: openedOnce(request) };
  const open = (disk: FoundDisk) => readDisk(once, machine, disk);
  const first = await open(chooseDisk(found, wanted));
  const disks = wanted === undefined ? listDisks(found, open) : undefined;
  if (!disks) return first;
  const notOpened = first.notOpened && {
    files: found.filter(({ isMedium }) => !isMedium).map(({ fileName }) => fileName),
    isMapped: false,
  };
  return { ...first, disks, notOpened, check: () => checkAll(disks) };
}

/** Disks may share a file, and one is opened both for its check and to be read. */
function openedOnce(request: ReadRequest): ReadRequest['openOther'] {
  const opened = new Map<string, ReturnType<ReadRequest['openOther']>>();
  return (name) => {
    const input = opened.get(name) ?? request.openOther(name);
    opened.set(name, input);
    return input;
  };
}

async function readDisk(
  request: ReadRequest,
  machine: OvfMachine,
  found: FoundDisk,
): Promise<ImageReader> {
  const readable = readableDisk(found); // before a file is looked for that is in chunks
  const { capacity } = found.disk;
  const { href, size } = readable.file;
  const details = { ...machine.details, disk: href };
  const file = await request.openOther(href);
  if (!file) {
    if (capacity === undefined) throw unsupported(`the OVF does not say how large ${href} is`);
    return {
      facts: { format: 'ova', subformat: 'ovf', diskSize: capacity, details },
      notOpened: { files: [href], isMapped: false },
      extents: () => [],
      check: () => [],
    };
  }
  const inner = await openFile(request, readable, file);
  const { diskSize, subformat, format } = inner.facts;
  return {
    facts: {
      format: 'ova',
      subformat: `ovf, ${subformat === undefined ? format : `${format} ${subformat}`}`,
      diskSize,
      details: { ...details, ...inner.facts.details },
      backing: inner.facts.backing,
    },
    extents: (from = 0) => within(file, inner, from),
    async *check(): AsyncGenerator<Problem> {
      if (size !== undefined && size !== file.size) {
        yield error(`${href} has ${file.size} bytes, the OVF says ${size}`);
      }
      if (capacity !== undefined && capacity !== diskSize) {
        yield error(`the disk ${found.disk.id} has ${diskSize} bytes, the OVF says ${capacity}`);
      }
      yield* inner.check();
    },
  };
}

async function* checkAll(disks: readonly DiskInImage[]): AsyncGenerator<Problem> {
  for (const disk of disks) {
    try {
      for await (const { severity, message } of (await disk.read()).check()) {
        yield { severity, message: `${disk.name}: ${message}` };
      }
    } catch (cause) {
      if (!(cause instanceof FormatError)) throw cause;
      yield error(`the disk ${disk.name} cannot be read: ${cause.message}`);
    }
  }
}

/** The extents of a disk, with the file that they lie in. */
async function* within(
  file: ImageInput,
  inner: ImageReader,
  from: number,
): AsyncGenerator<ImageExtent> {
  for await (const extent of inner.extents(from)) {
    yield extent.kind === 'zeros' ? extent : { ...extent, input: file };
  }
}
