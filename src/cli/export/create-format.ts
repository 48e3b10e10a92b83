import { type Format, type FormatName, FORMATS, ova, vhd, vhdx } from '../../../formats/index.ts';
import type { Options } from '../options/options.ts';

/**
 * Makes a format with the options of the command line. Throws a FormatError for values that it
 * refuses.
 */
export function createFormat(name: FormatName, options: Options): Format {
  if (name === 'vhd') return vhd({ align: options.vhdAlign });
  if (name === 'vhdx') return vhdx({ fixed: options.vhdxFixed });
  // --ova-disk is an option for reading.
  if (name === 'ova') return ova({ ...options, ovaDisk: undefined, profile: options.ovfProfile });
  return FORMATS[name]();
}
