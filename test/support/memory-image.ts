import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import type { ImageInput, ImageOutput } from '../../formats/index.ts';

/** An image in memory. It keeps no zeros, so that it may be larger than the memory. */
export class MemoryImage implements ImageOutput {
  #position = 0;
  #patches = 0;
  readonly #pieces: { readonly offset: number; readonly bytes: Buffer; given: Uint8Array }[] = [];

  get position(): number {
    return this.#position;
  }

  append(bytes: Uint8Array): void {
    this.#keep(this.#position, bytes);
    this.#position += bytes.length;
  }

  appendPieces(length: number, pieces: Iterable<Uint8Array>): void {
    const end = this.#position + length;
    for (const bytes of pieces) this.append(bytes);
    if (this.#position !== end) throw new RangeError('the pieces have another length');
  }

  zeros(count: number): void {
    if (count < 0) throw new RangeError('blocks do not ascend');
    this.#position += count;
  }

  patch(imageOffset: number, bytes: Uint8Array): void {
    if (imageOffset + bytes.length > this.#position) throw new RangeError('a patch past the end');
    this.#keep(imageOffset, bytes);
    this.#patches++;
  }

  #keep(offset: number, given: Uint8Array): void {
    this.#pieces.push({ offset, bytes: Buffer.from(given), given });
  }

  /** How often the writer patched the image. */
  get patches(): number {
    return this.#patches;
  }

  /** How many bytes were written, without holes. */
  get written(): number {
    return this.#pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** The whole image. Throws if a buffer was changed after it was handed over. */
  get bytes(): Buffer {
    this.checkBuffers();
    return this.read(0, this.#position);
  }

  /** The bytes of the image from `start` to `end`. */
  read(start: number, end: number): Buffer {
    const found = Buffer.alloc(end - start);
    for (const { offset, bytes } of this.#pieces) {
      const from = Math.max(start, offset);
      const to = Math.min(end, offset + bytes.length);
      if (from < to) bytes.copy(found, from - start, from - offset, to - offset);
    }
    return found;
  }

  /** The image so far, for a writer that reads it back. */
  asInput(): Pick<ImageInput, 'read'> {
    return { read: (at, length) => Promise.resolve(this.read(at, at + length)) };
  }

  /** Throws if a buffer was changed after it was handed over. */
  checkBuffers(): void {
    for (const { bytes, given } of this.#pieces) {
      if (!bytes.equals(given)) throw new Error('a buffer was changed after it was handed over');
    }
  }

  /** Writes the image as a sparse file. */
  save(path: string): void {
    const fd = openSync(path, 'w');
    ftruncateSync(fd, this.#position);
    for (const { offset, bytes } of this.#pieces) writeSync(fd, bytes, 0, bytes.length, offset);
    closeSync(fd);
  }
}
