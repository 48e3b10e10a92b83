import { faultsOf } from '../errors.ts';

/** FormatErrors of VMDKs. */
export const { damaged, unsupported } = faultsOf('vmdk');
