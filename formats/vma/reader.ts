// Opens a VMA: header -> headers of the extents, which are indexed when the disk is first read.

import type { ImageReader, ReadRequest } from '../contract.ts';
import { uuidText } from '../uuid.ts';
import { checkClusters } from './check.ts';
import { type Device, type Header, readHeader } from './decode-header.ts';
import { deviceExtents } from './device-extents.ts';
import { type ExtentIndex, indexExtents } from './extent-index.ts';
import { damaged, unsupported } from './faults.ts';

/** Opens one device of an archive: that of the name, or the first that is a disk. */
export async function readVma(
  request: ReadRequest,
  wanted: string | undefined,
): Promise<ImageReader> {
  const { input } = request;
  const header = await readHeader(input, request);
  const [id, device] = chosenDevice(header, wanted);
  const archive = { input, header, hashers: request };
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
      index ??= indexExtents(archive, id);
      yield* deviceExtents({ archive, index: await index, id, device }, from);
    },
    check: () => checkClusters(archive),
  };
}

/** What Proxmox backs up beside disks: the variables of the firmware, a TPM, and memory. */
const NO_DISK = /^(vmstate|drive-(efidisk|tpmstate)\d+(-backup)?)$/;

function chosenDevice(
  { devices }: Header,
  wanted: string | undefined,
): readonly [id: number, device: Device] {
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
