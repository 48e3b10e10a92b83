import { KexportError, reasonOf } from '../errors.ts';
import type { HttpResponse } from './http/exchange.ts';
import { HttpFailure } from './http/failure.ts';
import { hideQuery } from './hide-query.ts';
import { shownUrl } from './http/secrets.ts';
import { rangeReader, versionOf } from './ranges.ts';
import { type RemoteFile, remoteFile } from './remote-file.ts';

/** Options of {@link openFetched}. */
export interface FetchOptions {
  /** Requests at the same time. Default: 8. */
  readonly connections?: number | undefined;
  /** Aborts all requests with a KexportError `aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens the file at an address by `fetch`, as a browser has it: its server must give ranges, and of
 * another origin also allow and expose them (CORS: Content-Range, ETag). Throws a KexportError.
 */
export async function openFetched(url: URL, options: FetchOptions = {}): Promise<RemoteFile> {
  const { connections, signal } = options;
  hideQuery(url);
  const name = shownUrl(url);
  const head = await exchange(`open ${name}`, url, { method: 'HEAD', signal });
  if (head.status !== 200) throw refused(`open ${name}`, head);
  const version = versionOf(name, head);
  const read = rangeReader(name, version, async ({ what, headers, into, isRefusal }) => {
    const answer = await exchange(`${what} ${name}`, url, { headers, into, signal });
    if (isRefusal?.(answer)) throw refused(`${what} ${name}`, answer);
    return answer;
  });
  return remoteFile(name, version.size, read, connections);
}

interface Exchange {
  readonly method?: 'HEAD';
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly into?: Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
}

type Answer = Pick<HttpResponse, 'status' | 'headers'>;

async function exchange(
  what: string,
  url: URL,
  { method, headers = {}, into, signal }: Exchange,
): Promise<HttpResponse> {
  try {
    const response = await fetch(url, { method: method ?? 'GET', headers, signal: signal ?? null });
    const { status, statusText: reason } = response;
    if (status === 206) await fill(response, into);
    else await response.body?.cancel();
    const body = Buffer.alloc(0);
    return { status, reason, headers: Object.fromEntries(response.headers), body };
  } catch (cause) {
    if (signal?.aborted) throw new KexportError('aborted', 'interrupted', { cause });
    throw new KexportError('source', `cannot ${what}: ${reasonOf(cause)}`, {
      cause,
      hint: 'a server of another origin must allow this page to read its files (CORS)',
    });
  }
}

async function fill(response: Response, target: Uint8Array | undefined): Promise<void> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes.length !== target?.length) throw new Error(`${bytes.length} bytes came`);
  target.set(bytes);
}

function refused(what: string, { status, headers }: Answer): KexportError {
  const cause = new HttpFailure(`the answer is ${status}`, { status, headers });
  return new KexportError('source', `cannot ${what}: ${cause.message}`, { cause });
}
