import { exactNumber } from '../bounds.ts';
import { type ImageInput, SECTOR_SIZE } from '../contract.ts';
import { viewOf } from '../struct.ts';
import { damaged, unsupported } from './faults.ts';
import {
  BLOB_HEAD,
  CLUSTER_SIZE,
  CONFIG_COUNT,
  device,
  DEVICE_COUNT,
  header,
  HEADER_MD5,
  MAGIC,
  MAX_CLUSTERS,
  VERSION,
} from './layout.ts';
import { type Hashers, md5Of } from './md5.ts';

/** The header of an archive. */
export interface Header {
  /** Of the header with its blobs, in bytes: where the extents begin. */
  readonly size: number;
  readonly uuid: Uint8Array;
  /** Seconds since 1970, UTC. */
  readonly createdAt: bigint;
  /** By their number. */
  readonly devices: ReadonlyMap<number, Device>;
  /** Names of the files that describe the machine. */
  readonly files: readonly string[];
}

/** A disk, or something else that was backed up as if it were one. */
export interface Device {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  readonly clusterCount: number;
  /** The memory of a running machine has no size that is known beforehand. */
  readonly isMemory: boolean;
}

/** Limit of this program, on the header with its blobs. Proxmox's have tens of KiB. */
const MAX_HEADER_SIZE = 4 * 2 ** 20;

/** Reads the header. Throws a FormatError unless the archive can be read. */
export async function readHeader(input: ImageInput, hashers: Hashers): Promise<Header> {
  const { magic, version, size, ...found } = header.decode(await input.read(0, header.size));
  if (magic !== MAGIC) throw damaged('the file does not begin like a VMA');
  if (version !== VERSION) {
    throw unsupported(`version ${version} of the format, only ${VERSION} is known`);
  }
  if (size <= header.size) throw damaged(`a header of ${size} bytes, it has ${header.size} alone`);
  if (size > MAX_HEADER_SIZE) {
    throw unsupported(`a header of ${size} bytes, ${MAX_HEADER_SIZE} are the most here`);
  }
  const bytes = await input.read(0, size);
  if (!isSame(md5Of(bytes, HEADER_MD5, hashers), found.md5)) {
    throw damaged('the MD5 of the header is wrong');
  }
  const { blobsOffset, blobsSize } = found;
  if (blobsOffset < header.size || blobsOffset + blobsSize > size) {
    throw damaged(`blobs of ${blobsSize} bytes at ${blobsOffset}, in a header of ${size}`);
  }
  const blobs = bytes.subarray(blobsOffset, blobsOffset + blobsSize);
  return {
    size,
    uuid: found.uuid,
    createdAt: found.createdAt,
    devices: devicesOf(found.devices, blobs),
    files: filesOf(found.configNames, blobs),
  };
}

/** Whether two arrays of the same length have the same bytes. */
export function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.every((byte, i) => byte === other[i]);
}

function devicesOf(table: Uint8Array, blobs: Uint8Array): Map<number, Device> {
  const devices = new Map<number, Device>();
  let clusters = 0;
  for (let id = 1; id < DEVICE_COUNT; id++) {
    const found = device.decode(table.subarray(id * device.size));
    if (found.size === 0n) continue;
    const name = stringAt(blobs, found.name);
    const size = exactNumber(found.size, `vma: the size of ${JSON.stringify(name)}`);
    if (size % SECTOR_SIZE !== 0) {
      throw damaged(`${JSON.stringify(name)} has ${size} bytes, which are no whole sectors`);
    }
    const clusterCount = Math.ceil(size / CLUSTER_SIZE);
    clusters += clusterCount;
    devices.set(id, { name, size, clusterCount, isMemory: name === 'vmstate' });
  }
  if (clusters > MAX_CLUSTERS) {
    throw unsupported(`devices of ${clusters} clusters, ${MAX_CLUSTERS} are the most here`);
  }
  return devices;
}

function filesOf(names: Uint8Array, blobs: Uint8Array): string[] {
  const offsets = Array.from({ length: CONFIG_COUNT }, (_, i) => viewOf(names).getUint32(4 * i));
  return offsets.filter((offset) => offset !== 0).map((offset) => stringAt(blobs, offset));
}

function stringAt(blobs: Uint8Array, offset: number): string {
  if (offset === 0 || offset + BLOB_HEAD > blobs.length) {
    throw damaged(`a blob at ${offset}, in a buffer of ${blobs.length} bytes`);
  }
  const length = viewOf(blobs).getUint16(offset, true);
  const bytes = blobs.subarray(offset + BLOB_HEAD, offset + BLOB_HEAD + length);
  if (bytes.length < length || bytes.at(-1) !== 0) {
    throw damaged(`the blob at ${offset} is no string that ends in it`);
  }
  return new TextDecoder().decode(bytes.subarray(0, -1));
}
