import { rangeReader } from '../ranges.ts';
import { closedBy, type RemoteFile, remoteFile } from '../remote-file.ts';
import type { ReadOptions } from '../store-options.ts';
import { decodeVersion, type GcsObject, gcsObject, type GcsVersion } from './gcs-object.ts';

/** Opens the object `gs://BUCKET/KEY` for reading. Throws a KexportError. */
export async function openGcsFile(name: string, options: ReadOptions): Promise<RemoteFile> {
  const object = gcsObject(name, { ...options, code: 'source' });
  try {
    const { signal } = options;
    const query = { fields: 'size,generation' };
    const found = await object.send({ what: 'open', method: 'GET', query, signal });
    return closedBy(gcsFile(object, decodeVersion(name, found), options), object);
  } catch (error) {
    object.close();
    throw error;
  }
}

/** One version of an object. Does not own the object. */
export function gcsFile(
  object: GcsObject,
  { size, generation }: Pick<GcsVersion, 'size' | 'generation'>,
  { signal, connections }: Pick<ReadOptions, 'signal' | 'connections'> = {},
): RemoteFile {
  const { name } = object;
  const read = rangeReader(name, { size, etag: undefined }, ({ headers, ...request }) =>
    object.send({
      ...request,
      query: { alt: 'media', generation },
      // Else what is stored with an encoding is decoded, and comes whole.
      headers: { ...headers, 'accept-encoding': 'gzip' },
      signal,
    }),
  );
  return remoteFile(name, size, read, connections);
}
