import { faultsOf } from '../errors.ts';

/** FormatErrors of VHDXs. */
export const { damaged, unsupported } = faultsOf('vhdx');
