import { faultsOf } from '../errors.ts';

/** FormatErrors of qcow2 images. */
export const { damaged, unsupported } = faultsOf('qcow2');

/** An offset in the image as messages show it: `0x50000`. */
export function hexOffset(offset: number): string {
  return `0x${offset.toString(16)}`;
}

/** Why a table of `size` bytes cannot be at an offset, as a clause; undefined if it can. */
export function tableProblem(
  what: string,
  { offset, size }: { readonly offset: number; readonly size: number },
  clusterSize: number,
  imageSize: number,
): string | undefined {
  const isAligned = offset % clusterSize === 0;
  if (isAligned && offset + size <= imageSize) return undefined; // as of millions
  const table = `${what} at ${hexOffset(offset)}`;
  if (!isAligned) return `${table} is not aligned to a cluster`;
  return `${table} runs past the end of the image (${hexOffset(imageSize)})`;
}
