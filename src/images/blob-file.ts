import { KexportError, reasonOf } from '../errors.ts';
import { remoteFile, type RemoteFile } from '../remote/remote-file.ts';

/** Each read is a message to another process: few are under way, and large. In bytes. */
const PIECE = 2 ** 22;
const AHEAD = 2;

/**
 * A Blob as a file that is read by ranges, ahead as one in a store; messages call it `name`.
 */
export function blobFile(name: string, blob: Blob): RemoteFile {
  const readOwn = async (position: number, length: number) => {
    const slice = blob.slice(position, position + length);
    const bytes = await slice.arrayBuffer().catch((cause: unknown) => {
      const what = `cannot read ${name} at byte ${position}: ${reasonOf(cause)}`;
      throw new KexportError('source', what, {
        cause,
        hint: 'was the file changed or removed since it was chosen?',
      });
    });
    if (bytes.byteLength < length) {
      const wanted = `${length} bytes at ${position}`;
      throw new KexportError('source', `${name} ends at byte ${blob.size}, within ${wanted}`);
    }
    return new Uint8Array(bytes);
  };
  const read = async (position: number, target: Uint8Array) =>
    target.set(await readOwn(position, target.length));
  return remoteFile(name, blob.size, read, { connections: AHEAD, pieceSize: PIECE, readOwn });
}
