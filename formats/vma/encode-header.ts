// The header: the disk as a device, and the description of the machine as a file.

import type { Disk } from '../contract.ts';
import { roundUp } from '../rounding.ts';
import { viewOf } from '../struct.ts';
import {
  BLOB_HEAD,
  CONFIG_COUNT,
  device,
  DEVICE_COUNT,
  FIRST_BLOB,
  header,
  HEADER_MD5,
  HEADER_UNIT,
  MAGIC,
  VERSION,
} from './layout.ts';
import { type Hashers, md5Of } from './md5.ts';

/** What the header names. */
export interface HeaderFacts {
  readonly disk: Pick<Disk, 'uuid' | 'createdAt'> & { readonly size: number };
  /** Proxmox finds the device of a drive by this. */
  readonly deviceName: string;
  /** The file "qemu-server.conf", at most MAX_BLOB bytes. */
  readonly config: Uint8Array;
}

/** The number of the only device. */
export const DEVICE_ID = 1;

/** Encodes the header with the blobs after it. */
export function encodeHeader(
  { disk, deviceName, config }: HeaderFacts,
  hashers: Hashers,
): Uint8Array {
  const blobs = [text(deviceName), text('qemu-server.conf'), config];
  const offsets: number[] = [];
  let end = FIRST_BLOB;
  for (const { length } of blobs) {
    offsets.push(end);
    end += BLOB_HEAD + length;
  }
  const [name = 0, configName = 0, configData = 0] = offsets;
  const blobsSize = roundUp(end, HEADER_UNIT);
  const size = header.size + blobsSize;

  const bytes = new Uint8Array(size);
  bytes.set(
    header.encode({
      magic: MAGIC,
      version: VERSION,
      uuid: disk.uuid,
      createdAt: BigInt(disk.createdAt),
      md5: new Uint8Array(16),
      blobsOffset: header.size,
      blobsSize,
      size,
      reserved: new Uint8Array(1984),
      configNames: firstOf(configName),
      configData: firstOf(configData),
      reserved1: 0,
      devices: devicesOf(name, disk.size),
    }),
  );
  blobs.forEach((blob, i) => {
    const at = header.size + (offsets[i] ?? 0);
    viewOf(bytes).setUint16(at, blob.length, true);
    bytes.set(blob, at + BLOB_HEAD);
  });
  bytes.set(md5Of(bytes, HEADER_MD5, hashers), HEADER_MD5[0]);
  return bytes;
}

/** A string as a blob holds it. */
function text(value: string): Uint8Array {
  return new TextEncoder().encode(`${value}\0`);
}

function firstOf(offset: number): Uint8Array {
  const table = new Uint8Array(4 * CONFIG_COUNT);
  viewOf(table).setUint32(0, offset);
  return table;
}

function devicesOf(name: number, size: number): Uint8Array {
  const table = new Uint8Array(device.size * DEVICE_COUNT);
  const entry = { name, reserved: 0, size: BigInt(size), reserved1: 0n, reserved2: 0n };
  table.set(device.encode(entry), DEVICE_ID * device.size);
  return table;
}
