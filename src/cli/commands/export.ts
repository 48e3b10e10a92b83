import type { Run } from '../command-line/program.ts';
import { exportDisk } from '../export/export-disk.ts';
import { parseRequest } from '../export/request.ts';

/** Makes images of a disk. */
export const run: Run = (operands, options, { commands }) => {
  const commandNames = commands.map(({ name }) => name);
  return exportDisk(parseRequest(operands, commandNames), options);
};
