import { readFooter } from '../../formats/vhd/decode-footer.ts';
import { FIXED } from '../../formats/vhd/layout.ts';
import { asKexportError, KexportError } from '../errors.ts';
import { type ByteStream, peekable } from './byte-stream.ts';

/** Bytes of the footer at the end of an image. */
export const VHD_FOOTER_SIZE = 512;

/**
 * The disk in a fixed VHD that is read as a stream. Owns the stream. At its end, throws a
 * KexportError if the footer does not match the disk.
 */
export function fixedVhdStream(image: ByteStream): ByteStream {
  const { name } = image;
  let held: Buffer = Buffer.alloc(0); // bytes that may be the footer
  let diskSize = 0;
  let ended = false;

  async function readChunk(signal: AbortSignal | undefined): Promise<Buffer | undefined> {
    while (!ended) {
      const piece = await image.read(signal);
      if (!piece) {
        ended = true;
        await checkFooter();
        return undefined;
      }
      const all = held.length === 0 ? piece : Buffer.concat([held, piece]);
      const length = Math.max(0, all.length - VHD_FOOTER_SIZE);
      held = Buffer.from(all.subarray(length));
      diskSize += length;
      if (length > 0) return all.subarray(0, length);
    }
    return undefined;
  }

  async function checkFooter(): Promise<void> {
    const { currentSize, diskType } = await footerOf(name, held);
    if (diskType === FIXED && currentSize === BigInt(diskSize)) return;
    const found = `its footer describes a disk of type ${diskType} and ${currentSize} bytes`;
    const what = `${name}: it holds a disk of ${diskSize} bytes, but ${found}`;
    throw new KexportError('damaged', what, {
      hint: 'only a fixed vhd (type 2) is read from an archive: unpack it first',
    });
  }

  return peekable(name, readChunk, () => image.close());
}

async function footerOf(name: string, bytes: Buffer) {
  try {
    const read = (offset: number, length: number) =>
      Promise.resolve(bytes.subarray(offset, offset + length));
    return (await readFooter({ size: bytes.length, read })).used.footer;
  } catch (error) {
    throw asKexportError(error, name);
  }
}
