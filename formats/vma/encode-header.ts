// The header: each disk as a device, and the description of the machine as a file.

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
  readonly uuid: Uint8Array;
  /** Seconds since 1970, UTC. */
  readonly createdAt: number;
  /** In their order; Proxmox finds that of a drive by its name. Sizes in bytes. */
  readonly devices: readonly { readonly name: string; readonly size: number }[];
  /** The file "qemu-server.conf", at most MAX_BLOB bytes. */
  readonly config: Uint8Array;
}

/** The number of the first device. */
export const FIRST_DEVICE = 1;

/** Encodes the header with the blobs after it. */
export function encodeHeader(
  { uuid, createdAt, devices, config }: HeaderFacts,
  hashers: Hashers,
): Uint8Array {
  const names = devices.map(({ name }) => text(name));
  const blobs = [...names, text('qemu-server.conf'), config];
  const offsets: number[] = [];
  let end = FIRST_BLOB;
  for (const { length } of blobs) {
    offsets.push(end);
    end += BLOB_HEAD + length;
  }
  const [configName = 0, configData = 0] = offsets.slice(devices.length);
  const blobsSize = roundUp(end, HEADER_UNIT);
  const size = header.size + blobsSize;

  const bytes = new Uint8Array(size);
  bytes.set(
    header.encode({
      magic: MAGIC,
      version: VERSION,
      uuid,
      createdAt: BigInt(createdAt),
      md5: new Uint8Array(16),
      blobsOffset: header.size,
      blobsSize,
      size,
      reserved: new Uint8Array(1984),
      configNames: firstOf(configName),
      configData: firstOf(configData),
      reserved1: 0,
      devices: tableOf(
        devices.map(({ size: bytes }, i) => ({ name: offsets[i] ?? 0, size: bytes })),
      ),
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

/** `name` is the offset of a blob. */
function tableOf(devices: readonly { readonly name: number; readonly size: number }[]): Uint8Array {
  const table = new Uint8Array(device.size * DEVICE_COUNT);
  devices.forEach(({ name, size }, i) => {
    const entry = { name, reserved: 0, size: BigInt(size), reserved1: 0n, reserved2: 0n };
    table.set(device.encode(entry), (FIRST_DEVICE + i) * device.size);
  });
  return table;
}
