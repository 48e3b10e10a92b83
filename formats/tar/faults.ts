import { faultsOf } from '../errors.ts';

/** FormatErrors of tar archives. */
export const { damaged, unsupported } = faultsOf('tar');
