import { faultsOf } from '../errors.ts';

/** FormatErrors of what ZFS keeps on a disk. */
export const { damaged, unsupported } = faultsOf('zfs');
