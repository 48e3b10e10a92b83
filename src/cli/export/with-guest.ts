import type { FormatName, OsType } from '../../../formats/index.ts';
import type { DiskFacts } from '../../inspect/disk-facts.ts';
import { guessGuest } from '../../inspect/guess-guest.ts';
import type { Source } from '../../sources/source.ts';
import { detail } from '../command-line/messages.ts';
import type { Options } from '../options/options.ts';
import { createFormat } from './create-format.ts';
import type { Plan } from './plan.ts';

/** The first hardware version that has every guest which is guessed. */
const MIN_HW_VERSION = 14;

/**
 * The plan with machines of the guest that the boot loader on the first disk tells, unless
 * --os-type has named one. Throws what reading the disk throws.
 */
export async function withGuest(
  plan: Plan,
  {
    source,
    facts,
  }: { readonly source?: Source | undefined; readonly facts?: DiskFacts | undefined },
  options: Options,
): Promise<Plan> {
  const { osType, hwVersion = MIN_HW_VERSION } = options;
  const isWanted = plan.outputs.some(({ format }) => format.machineOptions?.includes('osType'));
  if (!source || !facts || !isWanted || osType !== undefined || hwVersion < MIN_HW_VERSION)
    return plan;
  const guest = await guessGuest(source, facts);
  if (guest === undefined) return plan;
  detail(`the guest is ${guest}, by its boot loader`);
  return planFor(plan, guest, options);
}

function planFor(plan: Plan, osType: OsType, options: Options): Plan {
  const outputs = plan.outputs.map((output) => {
    const { name, machineOptions } = output.format;
    if (!machineOptions?.includes('osType')) return output;
    // The formats of a plan are those of the table.
    return { ...output, format: createFormat(name as FormatName, { ...options, osType }) };
  });
  const { next } = plan;
  return { ...plan, outputs, ...(next && { next: () => planFor(next(), osType, options) }) };
}
