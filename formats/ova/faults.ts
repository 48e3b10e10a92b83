import { faultsOf } from '../errors.ts';

/** FormatErrors of OVAs and of the machines that they describe. */
export const { damaged, unsupported } = faultsOf('ova');
