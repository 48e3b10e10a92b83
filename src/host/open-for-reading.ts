import { constants } from 'node:fs';
import { KexportError, reasonOf } from '../errors.ts';
import { openFile } from './descriptors.ts';

/** Opens a file or a device. Throws a KexportError that has the name that people call it. */
export async function openForReading(name: string, path: string): Promise<number> {
  try {
    // Without O_NONBLOCK a named pipe that nobody writes to yet would block the thread that opens
    // it.
    return await openFile(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new KexportError('source', `cannot open ${name}: ${reasonOf(error)}`, { cause: error });
  }
}
