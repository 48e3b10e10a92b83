import { faultsOf } from '../errors.ts';

/** FormatErrors of VHDs. */
export const { damaged, unsupported } = faultsOf('vhd');

/** How a stored checksum differs from that of the bytes, as the predicate of a clause. */
export function checksumProblem(stored: number, actual: number): string {
  return `has the checksum ${hex32(stored)}, its bytes have ${hex32(actual)}`;
}

function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
