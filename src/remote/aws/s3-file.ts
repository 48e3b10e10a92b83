import { type FileVersion, rangeReader, versionOf } from '../ranges.ts';
import { closedBy, type RemoteFile, remoteFile } from '../remote-file.ts';
import type { ReadOptions } from '../store-options.ts';
import { type S3Object, s3Object } from './s3-store.ts';

/** Opens the object `s3://BUCKET/KEY` for reading. Throws a KexportError. */
export async function openS3File(name: string, options: ReadOptions): Promise<RemoteFile> {
  const object = s3Object(name, { ...options, code: 'source' });
  try {
    const { signal } = options;
    const head = await object.send({ what: 'open', method: 'HEAD', signal });
    const file = s3File(object, versionOf(name, head), options);
    return closedBy(file, object);
  } catch (error) {
    object.close();
    throw error;
  }
}

/** One version of an object. Does not own the object. */
export function s3File(
  object: S3Object,
  version: FileVersion,
  { signal, connections }: Pick<ReadOptions, 'signal' | 'connections'> = {},
): RemoteFile {
  const { name } = object;
  const read = rangeReader(name, version, (request) => object.send({ ...request, signal }));
  return remoteFile(name, version.size, read, connections);
}
