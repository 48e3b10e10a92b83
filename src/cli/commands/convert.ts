import { basename } from 'node:path';
import { KexportError } from '../../errors.ts';
import { shownName } from '../../remote/open-remote.ts';
import type { Run } from '../command-line/program.ts';
import { exportDisks } from '../export/export-disks.ts';
import { parseRequest } from '../export/request.ts';

/**
 * Converts an image, all disks of it: an export whose operands begin with the image and whose
 * outputs get its name.
 */
export const run: Run = (operands, options) => {
  const request = parseRequest(operands);
  const [source = '', ...others] = request.sources;
  if (others.length > 0) {
    throw new KexportError('usage', `${others.join(' ')}: one image is converted at a time`, {
      hint: 'several disks of one machine: kexport FORMATS DISK DISK',
    });
  }
  if (source === '-' && options.from === undefined) {
    throw new KexportError('usage', 'kexport convert cannot tell what format a pipe has', {
      hint: 'give --from, or export it as a raw disk: kexport FORMATS -',
    });
  }
  return exportDisks({ ...request, name: nameOfImage(shownName(source)) }, options);
};

/** `web1` of `dir/web1.qcow2` and of `web1.raw.gz`; undefined if that cannot name a file. */
function nameOfImage(path: string): string | undefined {
  const name = basename(path)
    .replace(/\.(gz|zip)$/i, '')
    .replace(/(.)\.[^.]*$/, '$1');
  return /^[^.\-\p{Cc}][^\p{Cc}]*$/u.test(name) ? name : undefined;
}
