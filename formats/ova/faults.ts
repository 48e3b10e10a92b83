import { faultsOf } from '../errors.ts';

/** FormatErrors of OVAs. */
export const { damaged, unsupported } = faultsOf('ova');
