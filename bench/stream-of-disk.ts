// stream-of-disk.js DISK STREAM [lz4]: the stream that `zfs send` (with lz4, `zfs send -c`) would
// make of a volume with the bytes of a raw disk, in blocks of 16 KiB without the empty ones.

import { closeSync, createWriteStream, openSync, readSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isZero } from '../formats/zeros.ts';
import { fastParts } from '../src/zfs-send/wasm.ts';
import { type MadeBlock, makeSendStream } from './make-send-stream.ts';
import { packLz4 } from './pack-lz4.ts';

const VOLUME_BLOCK = 16_384;
const READ_SIZE = 1 << 20;
const SECTOR = 4096;
/** `enum zio_compress`, sys/zio_compress.h */
const LZ4 = 15;

const [disk = '', stream = '', compression] = process.argv.slice(2);
const volumeSize = statSync(disk).size;
const made = makeSendStream({
  volumeSize,
  blockSize: VOLUME_BLOCK,
  blocks: blocksOf(disk),
  checksum: (await fastParts()).checksum,
});
await pipeline(Readable.from(joined(made)), createWriteStream(stream));

function* blocksOf(path: string): Generator<MadeBlock> {
  const fd = openSync(path, 'r');
  for (let at = 0; at < volumeSize; at += READ_SIZE) {
    const buffer = new Uint8Array(READ_SIZE);
    readSync(fd, buffer, 0, READ_SIZE, at);
    for (let from = 0; from < READ_SIZE && at + from < volumeSize; from += VOLUME_BLOCK) {
      const bytes = buffer.subarray(from, from + VOLUME_BLOCK);
      if (!isZero(bytes)) yield madeBlock(at + from, bytes);
    }
  }
  closeSync(fd);
}

/** As it lies in a pool: compressed blocks are filled up to whole sectors. */
function madeBlock(diskOffset: number, bytes: Uint8Array): MadeBlock {
  const packed = compression === 'lz4' ? packLz4(bytes) : undefined;
  if (!packed) return { diskOffset, bytes };
  const sectors = new Uint8Array(Math.ceil(packed.length / SECTOR) * SECTOR);
  if (sectors.length >= bytes.length) return { diskOffset, bytes };
  sectors.set(packed);
  return { diskOffset, bytes: sectors, compression: LZ4, length: bytes.length };
}

/** Records and payloads, joined to larger pieces. */
function* joined(pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  for (const piece of pieces) {
    if (waiting.push(piece) < 128) continue;
    yield Buffer.concat(waiting);
    waiting = [];
  }
  yield Buffer.concat(waiting);
}
