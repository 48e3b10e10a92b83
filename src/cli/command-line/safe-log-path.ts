import { KexportError } from '../../errors.ts';
import { shareStorage } from '../../host/shared-storage.ts';
import { pathToWrite } from '../../sinks/path-to-write.ts';
import { pathOfDisk } from '../export/path-of-disk.ts';

/**
 * The file to append a log to, through a symbolic link of the user's own. Throws a KexportError if
 * it is one of `others`, which are disks and images, or a file that another user has put there.
 */
export async function safeLogPath(path: string, others: readonly string[]): Promise<string> {
  for (const other of others) {
    if (!(await shareStorage(path, pathOfDisk(other)))) continue;
    throw new KexportError('target', `the log ${path} would be written into ${other}`);
  }
  return pathToWrite(path);
}
