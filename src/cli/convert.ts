import type { Command } from 'commander';
import { KexportError } from '../errors.ts';
import { exportDisk } from './export.ts';
import { type ExportOptions } from './export-options.ts';
import { OPTION_GROUPS } from './options.ts';
import { parseRequest } from './request.ts';

/** An export under the name that people look for, the image first. */
export function describe(command: Command): Command {
  command
    .argument('<image>', 'an image or a disk; what it is says its name, or --from')
    .argument('<formats>', 'one or several, qcow2,raw, or all')
    .argument('[outdir]', 'folder for the images, like --output-dir');
  for (const [title, options] of OPTION_GROUPS) {
    for (const option of options) command.addOption(option.helpGroup(title));
  }
  return command;
}

/** Makes images of the disk in an image. */
export function run(command: Command): Promise<number> {
  const request = parseRequest(command.args);
  if (request.source === '-' && command.opts<ExportOptions>().from === undefined) {
    throw new KexportError('usage', 'convert does not guess what comes through a pipe', {
      hint: 'put the image into a file, or export a raw disk: kexport FORMATS -',
    });
  }
  return exportDisk(request, command.opts<ExportOptions>());
}
