import { faultsOf } from '../errors.ts';

/** FormatErrors of VMAs. */
export const { damaged, unsupported } = faultsOf('vma');
