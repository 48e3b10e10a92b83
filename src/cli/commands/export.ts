import type { Run } from '../command-line/program.ts';
import { exportDisks } from '../export/export-disks.ts';
import { parseRequest } from '../export/request.ts';

/** Makes images of a disk. */
export const run: Run = (operands, options, { commands }) => {
  const commandNames = commands.map(({ name }) => name);
  return exportDisks(parseRequest(operands, commandNames), options);
};
