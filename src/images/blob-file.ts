import { KexportError, reasonOf } from '../errors.ts';
import { type RemoteFile, remoteFile } from '../remote/remote-file.ts';

/** Pieces that are read ahead: each is a message to another process. */
const AHEAD = 4;

/** A Blob as a file that is read by ranges; messages call it `name`. */
export function blobFile(name: string, blob: Blob): RemoteFile {
  const readRange = async (position: number, target: Uint8Array) => {
    const slice = blob.slice(position, position + target.length);
    const bytes = await slice.arrayBuffer().catch((cause: unknown) => {
      const what = `cannot read ${name} at byte ${position}: ${reasonOf(cause)}`;
      throw new KexportError('source', what, {
        cause,
        hint: 'was the file changed or removed since it was chosen?',
      });
    });
    target.set(new Uint8Array(bytes));
  };
  return remoteFile(name, blob.size, readRange, AHEAD);
}
