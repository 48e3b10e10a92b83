import { faultsOf } from '../errors.ts';

/** FormatErrors of pools and vdevs. */
export const { damaged, unsupported } = faultsOf('zfs');
