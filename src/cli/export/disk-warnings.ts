import { Warning, wording } from '../../errors.ts';
import { warningsFor } from '../../inspect/warnings-for.ts';
import type { Source } from '../../sources/source.ts';
import type { Options } from '../options/options.ts';
import { importTarget } from './import-target.ts';
import type { Plan } from './plan.ts';

/**
 * Warnings that disks are cut off, or that an import of them will fail; a machine boots from the
 * first. Each names its disk if there are several. A disk that is not open is left out.
 */
export async function diskWarnings(
  disks: readonly { readonly name: string; readonly source: Source | undefined }[],
  plan: Plan,
  options: Options,
): Promise<Warning[]> {
  const target = importTarget(plan, options);
  const found = disks.map(async ({ name, source }, index) => {
    if (!source) return [];
    const warnings = await warningsFor(source, { ...target, isFurther: index > 0 });
    if (disks.length === 1) return warnings;
    return warnings.map(({ code, message }) => new Warning(code, wording`${name}: ${message}`));
  });
  return (await Promise.all(found)).flat();
}
