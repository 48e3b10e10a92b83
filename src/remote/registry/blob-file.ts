import type { HttpRequest } from '../http/client.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { rangeReader } from '../ranges.ts';
import { type RemoteFile, remoteFile } from '../remote-file.ts';
import type { ReadOptions } from '../store-options.ts';
import { REDIRECTS, type Repository } from './repository.ts';

/** A blob of a repository. Does not own the repository. */
export function blobFile(
  repository: Repository,
  { digest, size }: { readonly digest: string; readonly size: number },
  { signal, connections }: Pick<ReadOptions, 'signal' | 'connections'>,
): RemoteFile {
  const { name } = repository;
  const at = `blobs/${digest}`;
  const version = { size, etag: undefined }; // the digest is the version
  const read = rangeReader(name, version, async (request) => {
    const answer = await repository.send({ ...onceMore(request), at, signal });
    if (!REDIRECTS.includes(answer.status)) return answer;
    return repository.send({ ...request, at: repository.locationIn(answer) ?? at, signal });
  });
  return remoteFile(name, size, read, connections);
}

/** The request, whose answer may say that the bytes are elsewhere. */
function onceMore(
  request: Pick<HttpRequest, 'what' | 'method' | 'headers' | 'into' | 'isRefusal'>,
): Pick<HttpRequest, 'what' | 'method' | 'headers' | 'into' | 'isRefusal' | 'accepts'> {
  const isRefusal = (response: HttpResponse) =>
    !REDIRECTS.includes(response.status) && (request.isRefusal?.(response) ?? false);
  return { ...request, accepts: REDIRECTS, isRefusal };
}
