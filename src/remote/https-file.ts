import { KexportError } from '../errors.ts';
import { type HttpClient, httpClient } from './http/client.ts';
import type { HttpResponse } from './http/exchange.ts';
import { failureOf } from './http/failure.ts';
import { shownUrl } from './http/secrets.ts';
import { hideQuery } from './hide-query.ts';
import { rangeReader, versionOfPart } from './ranges.ts';
import { redirectedTo, REDIRECTS } from './redirect.ts';
import { closedBy, type RemoteFile, remoteFile } from './remote-file.ts';
import type { ReadOptions } from './store-options.ts';

/** Opens the file at an address of http or https for reading. Throws a KexportError. */
export async function openHttpsFile(address: string, options: ReadOptions): Promise<RemoteFile> {
  const url = new URL(address);
  const { signal, connections } = options;
  const name = shownUrl(url);
  const client = httpClient({ ...options, code: 'source' });
  const find = () => findFile(client, url, signal);
  try {
    const { answer, url: place } = await find();
    const version = versionOfPart(name, answer);
    let current = Promise.resolve(place);
    const read = rangeReader(name, version, async ({ what, ...request }) => {
      const before = current;
      const all = { ...request, what: `${what} ${name}`, signal };
      try {
        return await client.send({ ...all, url: await before });
      } catch (error) {
        const isExpired = place !== url && EXPIRED.has(failureOf(error)?.status ?? 0);
        if (!isExpired) throw error;
        // Of all that fail at the same time, the first asks.
        if (current === before) current = find().then((found) => found.url);
        return client.send({ ...all, url: await current });
      }
    });
    const file = remoteFile(name, version.size, read, connections);
    return closedBy(file, client);
  } catch (error) {
    client.close();
    throw error;
  }
}

/** What S3, Azure and most others answer to a signed address that is too old; and Google. */
const EXPIRED = new Set([403, 400]);

const MAX_REDIRECTS = 5;

/** A file where it is. */
interface Found {
  /** `url` as it was given if nothing was redirected. */
  readonly url: URL;
  /** To a request for its first byte. */
  readonly answer: HttpResponse;
}

/**
 * Follows redirects to a file. Its first byte is asked for by GET, since an address may be signed
 * for that alone.
 */
async function findFile(
  client: HttpClient,
  url: URL,
  signal: AbortSignal | undefined,
): Promise<Found> {
  const name = shownUrl(url);
  let place = url;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    hideQuery(place);
    const answer = await client.send({
      what: `open ${name}`,
      method: 'GET',
      url: place,
      headers: { range: 'bytes=0-0' },
      into: new Uint8Array(1),
      accepts: [...REDIRECTS, 416], // which an empty file gives
      signal,
    });
    if (!REDIRECTS.includes(answer.status)) return { url: place, answer };
    place = redirectedTo(name, place, answer);
  }
  throw new KexportError('source', `${name} is redirected more than ${MAX_REDIRECTS} times`);
}
