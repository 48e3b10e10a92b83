import { host } from '#host';
import { imageSource } from '../images/image-source.ts';
import type { ImageFiles } from '../images/read-image.ts';
import { CELLS } from './protocol.ts';

/** Bytes that are read for each cell of a disk whose file does not say where it has data. */
const SAMPLE = 4096;

/** The picture of the disk in an image: what share of each cell is data, 0 to 255. */
export async function cellsOf(
  image: ImageFiles,
): Promise<{ readonly cells: Uint8Array; readonly isSampled: boolean }> {
  const { diskSize, format, subformat } = image.reader.facts;
  const isFlat = format === 'raw' || subformat === 'fixed';
  const cells = isFlat ? await sampled(image, diskSize) : await mapped(image, diskSize);
  return { cells, isSampled: isFlat };
}

async function mapped({ reader }: ImageFiles, diskSize: number): Promise<Uint8Array> {
  const shares = new Float64Array(CELLS);
  const width = diskSize / CELLS;
  for await (const { kind, diskOffset, diskLength } of reader.extents()) {
    if (kind === 'zeros') continue;
    const end = Math.min(diskOffset + diskLength, diskSize);
    for (let at = diskOffset; at < end;) {
      const cell = Math.min(CELLS - 1, Math.floor(at / width));
      const to = Math.max(Math.min(end, (cell + 1) * width), at + 1);
      shares[cell] = (shares[cell] ?? 0) + (to - at) / width;
      at = to;
    }
  }
  return Uint8Array.from(shares, (share) =>
    share > 0 ? Math.max(1, Math.min(255, share * 255)) : 0,
  );
}

/** Reads some bytes in the middle of each cell, and at its start. */
async function sampled(image: ImageFiles, diskSize: number): Promise<Uint8Array> {
  const source = imageSource(image, { threads: 1 }); // the image stays with the caller
  const buffer = new Uint8Array(SAMPLE);
  const cells = new Uint8Array(CELLS);
  for (const cell of cells.keys()) {
    const places = [cell, cell + 0.5].map((at) => Math.floor((at * diskSize) / CELLS));
    for (const place of places) {
      const count = (await source.read?.(place, buffer)) ?? 0;
      if (!host.isZero(buffer.subarray(0, count))) cells[cell] = 255;
    }
  }
  return cells;
}
