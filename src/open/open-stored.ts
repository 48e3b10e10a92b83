import { openRemoteFile } from '../remote/open-remote.ts';
import { openRanged } from './open-ranged.ts';
import type { Opened } from './opened.ts';
import type { SourceOptions } from './source-options.ts';

/** Opens the file at an address. Throws a KexportError. */
export async function openStored(address: string, options: SourceOptions): Promise<Opened> {
  const { signal, connections, endpoint } = options;
  const file = await openRemoteFile(address, { signal, connections, endpoint });
  try {
    return await openRanged(file, options);
  } catch (error) {
    await file.close();
    throw error;
  }
}
