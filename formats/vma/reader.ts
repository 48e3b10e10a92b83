// Opens a VMA: header -> headers of the extents, which are indexed when the disk is first read.

import type { DiskInImage, ImageReader, ReadRequest } from '../contract.ts';
import { uuidText } from '../uuid.ts';
import { checkClusters } from './check.ts';
import { type Device, type Header, readHeader } from './decode-header.ts';
import { deviceExtents } from './device-extents.ts';
import { type ExtentIndex, indexExtents } from './extent-index.ts';
import type { Archive } from './extent-headers.ts';
import { damaged, unsupported } from './faults.ts';

/**
 * Opens one device of an archive: that of the name, or the first that is a disk; then all that are
 * disks are listed. Rejects with a FormatError.
 */
export async function readVma(
  request: ReadRequest,
  wanted: string | undefined,
): Promise<ImageReader> {
  const { input } = request;
  const header = await readHeader(input, request);
  const archive = { input, header, hashers: request };
  const open = (chosen: Chosen): ImageReader => deviceReader(archive, chosen);
  const found = open(chosenDevice(header, wanted));
  return {
    ...found,
    disks: wanted === undefined ? listDisks(header, open) : undefined,
    check: () => checkClusters(archive),
  };
}

type Chosen = readonly [id: number, device: Device];

/** One device; the check of the archive is not part of its own. */
function deviceReader(archive: Archive, [id, device]: Chosen): ImageReader {
  const { header } = archive;
  let index: Promise<ExtentIndex> | undefined;
  return {
    facts: {
      format: 'vma',
      diskSize: device.size,
      details: {
        UUID: uuidText(header.uuid),
        created: createdText(header.createdAt),
        device: device.name,
        devices: [...header.devices.values()].map(({ name, size }) => `${name}: ${size} bytes`),
        files: header.files,
      },
    },
    async *extents(from = 0) {
      index ??= indexExtents(archive, id, device);
      yield* deviceExtents({ archive, index: await index, id, device }, from);
    },
    check: () => [],
  };
}

/** Undefined unless there are several. Throws a FormatError if two have the same name. */
function listDisks(
  { devices }: Header,
  open: (chosen: Chosen) => ImageReader,
): DiskInImage[] | undefined {
  const disks = [...devices].filter(([, { name }]) => !NO_DISK.test(name));
  const names = new Set(disks.map(([, { name }]) => name));
  if (names.size < disks.length) throw damaged('it has two disks of the same name');
  if (disks.length < 2) return undefined;
  return disks.map((chosen) => ({
    name: chosen[1].name,
    read: () => Promise.resolve(open(chosen)),
  }));
}

/** What Proxmox backs up beside disks: the variables of the firmware, a TPM, and memory. */
const NO_DISK = /^(vmstate|drive-(efidisk|tpmstate)\d+(-backup)?)$/;

function chosenDevice({ devices }: Header, wanted: string | undefined): Chosen {
  const all = [...devices].filter(([, { isMemory }]) => !isMemory);
  const chosen = all.find(([, { name }]) =>
    wanted === undefined ? !NO_DISK.test(name) : name === wanted || name === `drive-${wanted}`,
  );
  if (chosen) return chosen;
  const names = all.map(([, { name }]) => JSON.stringify(name)).join(', ') || 'none';
  if (wanted === undefined) throw damaged(`it has no disk; its devices: ${names}`);
  throw unsupported(`it has no device ${JSON.stringify(wanted)}; its devices: ${names}`);
}

/** The date in UTC. */
function createdText(seconds: bigint): string {
  const date = new Date(Number(seconds) * 1000);
  return Number.isNaN(date.getTime()) ? `${seconds} seconds since 1970` : date.toISOString();
}
