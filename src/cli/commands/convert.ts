import { basename } from 'node:path';
import { KexportError } from '../../errors.ts';
import { shownName } from '../../remote/open-remote.ts';
import type { Run } from '../command-line/program.ts';
import { exportDisk } from '../export/export-disk.ts';
import { parseRequest } from '../export/request.ts';

/**
 * Converts an image: an export whose operands begin with the image and whose outputs get its name.
 */
export const run: Run = (operands, options) => {
  const request = parseRequest(operands);
  const { source = '' } = request;
  if (source === '-' && options.from === undefined) {
    throw new KexportError('usage', 'kexport convert cannot tell what format a pipe has', {
      hint: 'give --from, or export it as a raw disk: kexport FORMATS -',
    });
  }
  return exportDisk({ ...request, name: nameOfImage(shownName(source)) }, options);
};

/** `web1` of `dir/web1.qcow2` and of `web1.raw.gz`; undefined if that cannot name a file. */
function nameOfImage(path: string): string | undefined {
  const name = basename(path)
    .replace(/\.(gz|zip)$/i, '')
    .replace(/(.)\.[^.]*$/, '$1');
  return /^[^.\-\p{Cc}][^\p{Cc}]*$/u.test(name) ? name : undefined;
}
