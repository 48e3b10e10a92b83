import { fletcher4, type SendStreamEvent, sendStream } from '../../../formats/zfs-send/index.ts';
import { inflater } from '../../../src/decompress/inflate.ts';
import { decompressZstd } from '../../../src/decompress/zstd.ts';

// A stream may be of a disk of any size.
const MAX_DECOMPRESSED = 32 * 2 ** 20;

const decompressors = { inflate: inflater('zlib'), zstd: decompressZstd };

/** Reads a zfs send stream, in two pieces, and decompresses its blocks. */
export function readSent(image: Buffer): Promise<void> {
  const stream = sendStream({ checksum: fletcher4(), decompressors });
  const half = Math.floor(image.length / 8) * 4;
  let done = 0;
  for (const piece of [image.subarray(0, half), image.subarray(half)]) {
    stream.push(piece);
    for (let event = stream.next(); event; event = stream.next()) {
      done += take(event, done < MAX_DECOMPRESSED);
    }
  }
  stream.end();
  return Promise.resolve();
}

/** Returns how many bytes were decompressed. */
function take(event: SendStreamEvent, isToDecompress: boolean): number {
  if (event.kind !== 'write' || !isToDecompress) return 0;
  event.decompressTo(new Uint8Array(event.length));
  return event.length;
}
