import { Warning, wording } from '../../errors.ts';
import type { DiskFacts } from '../../inspect/disk-facts.ts';
import { warningsFor } from '../../inspect/warnings-for.ts';
import type { Options } from '../options/options.ts';
import { importTarget } from './import-target.ts';
import type { Plan } from './plan.ts';

/**
 * Warnings that disks are cut off, or that an import of them will fail; a machine boots from the
 * first. Each names its disk if there are several. A disk that was not inspected has none.
 */
export function diskWarnings(
  disks: readonly { readonly name: string; readonly facts: DiskFacts | undefined }[],
  plan: Plan,
  options: Options,
): Warning[] {
  const target = importTarget(plan, options);
  return disks.flatMap(({ name, facts }, index) => {
    const warnings = warningsFor(facts, { ...target, isFurther: index > 0 });
    if (disks.length === 1) return warnings;
    return warnings.map(({ code, message }) => new Warning(code, wording`${name}: ${message}`));
  });
}
