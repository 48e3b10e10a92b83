import { constants } from 'node:fs';
import { openFile } from './descriptors.ts';

/**
 * Opens the file or device that is open as `fd` once more, with O_DIRECT, and O_RDONLY or O_WRONLY
 * as `access`; undefined where the system cannot. The caller closes it.
 */
export async function reopenDirect(fd: number, access: number): Promise<number | undefined> {
  const { O_DIRECT } = constants as Partial<typeof constants>;
  if (O_DIRECT === undefined) return undefined; // not Linux
  return openFile(`/proc/self/fd/${fd}`, access | O_DIRECT).catch(() => undefined);
}
