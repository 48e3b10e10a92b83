import { faultsOf } from '../errors.ts';

/** FormatErrors of container disks. */
export const { damaged, unsupported } = faultsOf('containerdisk');
