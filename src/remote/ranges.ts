// Requests for a part of a file (RFC 9110, section 14).

import { KexportError } from '../errors.ts';
import type { HttpRequest } from './http/client.ts';
import type { HttpResponse } from './http/exchange.ts';
import { failureOf } from './http/failure.ts';
import type { ReadRange } from './remote-file.ts';

/** What identifies the bytes of a file. */
export interface FileVersion {
  /** In bytes. */
  readonly size: number;
  /** Its entity tag, which may be a weak one; undefined if the server gives none. */
  readonly etag: string | undefined;
  /** When it was changed last, as the server writes it; undefined if it does not say so. */
  readonly lastModified?: string | undefined;
}

type RangeRequest = Pick<HttpRequest, 'what' | 'method' | 'headers' | 'into' | 'isRefusal'>;

/** Statuses of a file that is another by now, or is gone. */
const CHANGED = new Set([206, 404, 412, 416]);

/**
 * Reads ranges of one version of a file by requests that `send` completes. Throws a KexportError if
 * the file is another by now.
 */
export function rangeReader(
  name: string,
  version: FileVersion,
  send: (request: RangeRequest) => Promise<HttpResponse>,
): ReadRange {
  return async (position, target) => {
    const range = `${position}-${position + target.length - 1}`;
    const pinned = isStrong(version.etag) && { 'if-match': version.etag };
    try {
      await send({
        what: `read bytes ${range} of`,
        method: 'GET',
        headers: { range: `bytes=${range}`, ...pinned },
        into: target,
        isRefusal: ({ status, headers }) =>
          status !== 206 ||
          headers['content-range'] !== `bytes ${range}/${version.size}` ||
          isAnother(version, headers),
      });
    } catch (cause) {
      const { status } = failureOf(cause) ?? {};
      if (status !== undefined && CHANGED.has(status)) {
        throw new KexportError('source', `${name} changed while it was read`, { cause });
      }
      if (status !== 200) throw cause;
      throw withoutParts(name, cause);
    }
  };
}

/** Only a strong tag is one for If-Match: a weak one never matches (RFC 9110, 13.1.1). */
function isStrong(etag: string | undefined): etag is string {
  return etag !== undefined && !etag.startsWith('W/');
}

/**
 * Whether an answer is of another version. Without a strong tag, and from a server that ignores
 * If-Match, nothing else tells.
 */
function isAnother({ etag, lastModified }: FileVersion, headers: HttpResponse['headers']): boolean {
  const now = headers['etag'];
  if (differ(opaque(etag), opaque(now))) return true;
  // The servers behind one name may have different dates for the same bytes.
  return !(isStrong(etag) && isStrong(now)) && differ(lastModified, headers['last-modified']);
}

/** What a server leaves out says nothing. */
function differ(before: string | undefined, now: string | undefined): boolean {
  return before !== undefined && now !== undefined && before !== now;
}

/** For the weak comparison of tags (RFC 9110, 8.8.3.2); some stores leave the quotes out. */
function opaque(etag: string | undefined): string | undefined {
  return etag?.replace(/^W\/|"/g, '');
}

function withoutParts(name: string, cause?: unknown): KexportError {
  const what = `the server of ${name} does not give parts of a file`;
  return new KexportError('unsupported', what, { cause, hint: 'download it first' });
}

/**
 * The version of a file that the answer to HEAD describes. Throws a KexportError for one without a
 * length.
 */
export function versionOf(name: string, { headers }: HttpResponse): FileVersion {
  return versionWith(name, headers['content-length'], headers);
}

/**
 * The version of a file that the answer to a GET of its first byte describes. Throws a KexportError
 * for one without a length, and for a server that does not give ranges.
 */
export function versionOfPart(name: string, { status, headers }: HttpResponse): FileVersion {
  const { 'content-length': whole, 'content-range': range = '' } = headers;
  if (status === 200 && whole !== '0') throw withoutParts(name);
  const part = status === 416 ? /^bytes \*\/(0)$/ : /^bytes 0-0\/(\d+)$/;
  return versionWith(name, status === 200 ? whole : part.exec(range)?.[1], headers);
}

function versionWith(
  name: string,
  length: string | undefined,
  headers: HttpResponse['headers'],
): FileVersion {
  if (length === undefined || headers['content-encoding'] !== undefined) {
    throw new KexportError('unsupported', `the server of ${name} does not say how long it is`, {
      hint: 'download it first',
    });
  }
  return { size: Number(length), etag: headers['etag'], lastModified: headers['last-modified'] };
}
