import { constants } from 'node:fs';
import { KexportError, reasonOf } from '../errors.ts';
import { openFile } from './descriptors.ts';

/** Opens the file or device at `path`. Throws a KexportError that calls it `name`. */
export async function openForReading(name: string, path: string): Promise<number> {
  try {
    // Without O_NONBLOCK, opening a named pipe that nobody writes to yet would block the thread.
    return await openFile(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new KexportError('source', `cannot open ${name}: ${reasonOf(error)}`, { cause: error });
  }
}
