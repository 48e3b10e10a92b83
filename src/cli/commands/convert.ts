import { KexportError } from '../../errors.ts';
import type { Run } from '../command-line/program.ts';
import { exportDisk } from '../export/export-disk.ts';
import { parseRequest } from '../export/request.ts';

/** Makes images of the disk in an image: an export, the image first. */
export const run: Run = (operands, options) => {
  const request = parseRequest(operands);
  if (request.source === '-' && options.from === undefined) {
    throw new KexportError('usage', 'kexport convert cannot tell what format a pipe has', {
      hint: 'give --from, or export it as a raw disk: kexport FORMATS -',
    });
  }
  return exportDisk(request, options);
};
