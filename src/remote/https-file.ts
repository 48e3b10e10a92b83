import { httpClient } from './http/client.ts';
import { shownUrl } from './http/secrets.ts';
import { hideQuery } from './hide-query.ts';
import { rangeReader, versionOf } from './ranges.ts';
import { closedBy, type RemoteFile, remoteFile } from './remote-file.ts';
import type { ReadOptions } from './store-options.ts';

/** Opens the file at an address of http or https for reading. Throws a KexportError. */
export async function openHttpsFile(address: string, options: ReadOptions): Promise<RemoteFile> {
  const url = new URL(address);
  hideQuery(url);
  const { signal, connections } = options;
  const name = shownUrl(url);
  const client = httpClient({ ...options, code: 'source' });
  try {
    const head = await client.send({ what: `open ${name}`, method: 'HEAD', url, signal });
    const version = versionOf(name, head);
    const read = rangeReader(name, version, ({ what, ...request }) =>
      client.send({ ...request, what: `${what} ${name}`, url, signal }),
    );
    const file = remoteFile(name, version.size, read, connections);
    return closedBy(file, client);
  } catch (error) {
    client.close();
    throw error;
  }
}
