import { faultsOf } from '../errors.ts';

/** FormatErrors of VHDs. */
export const { damaged, unsupported } = faultsOf('vhd');
