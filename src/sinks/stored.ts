import { KexportError, reasonOf } from '../errors.ts';
import { writeFully } from '../host/write-fully.ts';
import { handleFile } from '../runtime/browser-storage.ts';
import type { StoredFolder } from '../runtime/web.ts';
import { openSink, type OpenSink } from './open-sink.ts';

/**
 * A sink into a new file in the storage of a page (OPFS): `folder` is what
 * `navigator.storage.getDirectory()` gives. In a worker alone. A failed export removes the file.
 * Throws a KexportError.
 */
export async function storedSink(folder: StoredFolder, name: string): Promise<OpenSink> {
  const failed = (cause: unknown) => {
    const what = `cannot write ${name} in the storage of this page: ${reasonOf(cause)}`;
    throw new KexportError('target', what, { cause });
  };
  const entry = await folder.getFileHandle(name, { create: true }).catch(failed);
  const handle = await entry.createSyncAccessHandle?.().catch(failed);
  if (!handle) {
    await folder.removeEntry(name);
    throw new KexportError('unsupported', `${name} can be written in a worker alone`);
  }
  const file = handleFile(handle);
  let isClosed = false;
  const close = async () => {
    if (!isClosed) await file.close();
    isClosed = true;
  };
  return openSink({
    name,
    seekable: true,
    write: (imageOffset, buffers) => writeFully(file, imageOffset, buffers).catch(failed),
    zeros: (imageOffset, count) => file.truncate(imageOffset + count).catch(failed),
    read: (imageOffset, buffer) => file.read(imageOffset, buffer),
    finish: (length) => file.truncate(length).catch(failed),
    commit: close,
    async discard() {
      await close();
      await folder.removeEntry(name).catch(() => undefined);
    },
  });
}
