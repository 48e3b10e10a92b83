// Reads a disk that is compressed as a whole, as `kexport raw disk.gz` does.

import type { WholeCompression } from '../../../formats/index.ts';
import type { ByteStream } from '../../../src/byte-streams/byte-stream.ts';
import { byteStreamFrom } from '../../../src/byte-streams/byte-stream-from.ts';
import { compressedDisk } from '../../../src/byte-streams/compressed-disk.ts';
import { inflatedStream } from '../../../src/byte-streams/inflated.ts';
import { findZipEntry } from '../../../src/byte-streams/zip-entry.ts';
import { inputOf } from '../../support/read-image.ts';

/** A disk may be of any size, so no more of it is read. */
const MAX_READ = 32 * 2 ** 20;

/** Reads a compressed stream. */
export function compressedReader(kind: WholeCompression) {
  return (image: Buffer): Promise<void> =>
    readAll(compressedDisk(byteStreamFrom(image, { name: 'disk' }), kind));
}

/** Reads the one entry of a zip archive. */
export async function readZip(image: Buffer): Promise<void> {
  const entry = await findZipEntry({ name: 'disk.zip', ...inputOf(image) });
  const { dataOffset, packedSize, isStored } = entry;
  if (dataOffset + packedSize > image.length) throw new Error('the entry ends past the archive');
  const packed = byteStreamFrom(image.subarray(dataOffset, dataOffset + packedSize));
  await readAll(isStored ? packed : inflatedStream(packed, 'deflate'));
}

async function readAll(stream: ByteStream): Promise<void> {
  try {
    for (let read = 0; read < MAX_READ;) {
      const piece = await stream.read();
      if (!piece) return;
      read += piece.length;
    }
  } finally {
    await stream.close();
  }
}
