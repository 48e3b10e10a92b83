import { faultsOf } from '../errors.ts';

/** FormatErrors of boxes. */
export const { damaged, unsupported } = faultsOf('vagrant');
