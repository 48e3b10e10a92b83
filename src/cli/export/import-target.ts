import type { ImportTarget } from '../../inspect/import-warnings.ts';
import type { Options } from '../options/options.ts';
import type { Plan } from './plan.ts';

/** Where the images of a plan boot: an ova states its firmware, other images do not. */
export function importTarget({ outputs }: Plan, { firmware }: Options): ImportTarget {
  const hasOva = outputs.some(({ format }) => format.name === 'ova');
  return { firmware: firmware ?? (hasOva ? 'efi' : undefined) };
}
