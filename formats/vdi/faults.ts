import { faultsOf } from '../errors.ts';

/** FormatErrors of VDIs. */
export const { damaged, unsupported } = faultsOf('vdi');
