import { type Format, type FormatName, FORMATS } from '../../../formats/index.ts';
import type { Options } from '../options/options.ts';

/**
 * Makes a format with the options of the command line, of which it takes its own. Throws a
 * FormatError for values that it refuses.
 */
export function createFormat(name: FormatName, options: Options): Format {
  const { vhdAlign: align, vhdxFixed: fixed, ovfProfile: profile, manifest } = options;
  const { vmName, cpus, memory, firmware, hwVersion, osType, diskController, nic } = options;
  const machine = { vmName, cpus, memory, firmware, hwVersion, osType, diskController, nic };
  const all = { align, fixed, profile, manifest, ...machine };
  const create = FORMATS[name] as (given: typeof all) => Format; // some take none of it
  return create(all);
}
