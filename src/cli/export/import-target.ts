import type { ImportTarget } from '../../inspect/import-warnings.ts';
import type { Options } from '../options/options.ts';
import type { Plan } from './plan.ts';

/** Where the images of a plan boot: those of a machine state its firmware, others do not. */
export function importTarget({ outputs }: Plan, { firmware }: Options): ImportTarget {
  const isStated = outputs.some(
    ({ format }) => format.machineOptions?.includes('firmware') === true,
  );
  return { firmware: firmware ?? (isStated ? 'efi' : undefined) };
}
