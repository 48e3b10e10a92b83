import { KexportError } from '../../errors.ts';
import type { Options } from './options.ts';

/** Throws a KexportError if --ova-disk is given for a file that is not read as an OVA. */
export function checkOvaDisk(path: string, { ovaDisk, from }: Options): void {
  if (ovaDisk === undefined || from === 'ova') return;
  if (from === undefined && /\.ova$/i.test(path)) return;
  throw new KexportError('usage', `--ova-disk needs an OVA, and ${path} is not read as one`, {
    hint: 'its name ends in .ova, or --from ova says so',
  });
}
