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
  /** An entity tag that changes with the bytes; undefined if the server gives none. */
  readonly etag: string | undefined;
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
  { size, etag }: FileVersion,
  send: (request: RangeRequest) => Promise<HttpResponse>,
): ReadRange {
  return async (position, target) => {
    const range = `${position}-${position + target.length - 1}`;
    const pinned = etag !== undefined && { 'if-match': etag };
    try {
      await send({
        what: `read bytes ${range} of`,
        method: 'GET',
        headers: { range: `bytes=${range}`, ...pinned },
        into: target,
        isRefusal: ({ status, headers }) =>
          status !== 206 || headers['content-range'] !== `bytes ${range}/${size}`,
      });
    } catch (cause) {
      const { status } = failureOf(cause) ?? {};
      if (status !== undefined && CHANGED.has(status)) {
        throw new KexportError('source', `${name} changed while it was read`, { cause });
      }
      if (status !== 200) throw cause;
      const what = `the server of ${name} does not give parts of a file`;
      throw new KexportError('unsupported', what, { cause, hint: 'download it first' });
    }
  };
}

/**
 * The version of a file that the answer to HEAD describes. Throws a KexportError for one without a
 * length.
 */
export function versionOf(name: string, { headers }: HttpResponse): FileVersion {
  const length = headers['content-length'];
  const { etag } = headers;
  const isStrong = etag !== undefined && !etag.startsWith('W/');
  if (length === undefined || headers['content-encoding'] !== undefined) {
    throw new KexportError('unsupported', `the server of ${name} does not say how long it is`, {
      hint: 'download it first',
    });
  }
  return { size: Number(length), etag: isStrong ? etag : undefined };
}
