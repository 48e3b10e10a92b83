import { type ImageInput, SECTOR_SIZE } from '../contract.ts';
import { FormatError } from '../errors.ts';
import { FOOTER, GD_AT_END, header as headerStruct, marker } from './layout.ts';
import type { Header } from './sparse-extent.ts';

/** Sectors at the end of a stream: the marker of the footer, the footer, the marker of the end. */
const END_SECTORS = 3;

/** Reads the footer of an image whose header says that it has one. Throws a FormatError if it differs from the header. */
export async function readFooter(input: ImageInput, header: Header): Promise<Header> {
  const start = input.size - END_SECTORS * SECTOR_SIZE;
  if (start < SECTOR_SIZE)
    throw new FormatError('damaged', 'vmdk: the image ends before its footer');
  const end = await input.read(start, END_SECTORS * SECTOR_SIZE);
  const { type, size, sectorCount } = marker.decode(end);
  if (type !== FOOTER || size !== 0 || sectorCount !== 1n) {
    throw new FormatError(
      'damaged',
      `vmdk: no footer at ${start}: the image was cut off, or more follows it`,
    );
  }
  if (end.subarray(2 * SECTOR_SIZE).some((byte) => byte !== 0)) {
    throw new FormatError(
      'damaged',
      'vmdk: the image does not end with the marker of the end of the stream',
    );
  }
  const footer = headerStruct.decode(end.subarray(SECTOR_SIZE));
  for (const name of Object.keys(header) as (keyof Header)[]) {
    if (name === 'gdOffset' || footer[name] === header[name]) continue;
    throw new FormatError(
      'damaged',
      `vmdk: the footer says ${name} ${footer[name]}, the header ${header[name]}`,
    );
  }
  if (footer.gdOffset !== GD_AT_END) return footer;
  throw new FormatError('damaged', 'vmdk: the footer does not tell where the grain directory is');
}
