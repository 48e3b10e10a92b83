// Pushes a blob in chunks, one after the other ("Pushing a blob in chunks"). It is a blob of the
// repository when the upload is closed with its digest.

import { KexportError, throwIfAborted } from '../../errors.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { failureOf, HttpFailure } from '../http/failure.ts';
import type { TrafficCount } from '../traffic.ts';
import { REDIRECTS, type Repository, type RepositoryRequest } from './repository.ts';

/** Bytes with the SHA-256 that names them. */
export interface Blob {
  /** For errors: `layer`. */
  readonly what: string;
  /** `sha256:` and hexadecimal digits. */
  readonly digest: string;
  /** In bytes. */
  readonly size: number;
  read(position: number, target: Uint8Array): Promise<void>;
}

/** Bytes that are sent at once. */
const CHUNK = 16 * 2 ** 20;
/** The most, if the registry asks for more. */
const MAX_CHUNK = 256 * 2 ** 20;

/** How often a blob is begun anew whose upload the registry has lost. */
const MAX_BEGINNINGS = 5;

/** Answers without a byte more that are taken before the upload is given up. */
const MAX_STANDSTILLS = 5;

/** Statuses of an upload that cannot go on. */
const LOST = new Set([400, 404, 416]);

/** How long the clean-up of a failed upload is retried, in milliseconds. */
const CLEANUP_PATIENCE = 30_000;

export interface BlobProgress {
  /** Aborts what is under way. */
  readonly signal: AbortSignal;
  /** Aborts what follows the chunk that is under way. */
  readonly ending: AbortSignal;
  /** Called with the bytes that the registry has. */
  readonly onSent: (sentBytes: number) => void;
}

export interface BlobUpload {
  /** Sends all bytes, unless the repository has the blob. Throws what `BlobProgress` aborts. */
  send(progress: BlobProgress): Promise<void>;
  /** Makes a blob of them. The registry compares them with the digest. */
  close(signal: AbortSignal): Promise<void>;
  /** Removes what was sent, the upload or the blob. */
  cancel(): Promise<void>;
}

export function blobUpload(repository: Repository, blob: Blob, sent: TrafficCount): BlobUpload {
  const { what, digest, size } = blob;
  let location: URL | undefined; // of the upload while it is open
  let isClosed = false;

  /** Returns how many bytes the registry takes at once. */
  async function begin(signal: AbortSignal): Promise<number> {
    const answer = await repository.send({
      what: `begin to push the ${what} of`,
      method: 'POST',
      at: 'blobs/uploads/',
      signal,
    });
    location = repository.locationIn(answer);
    const least = Number(answer.headers['oci-chunk-min-length'] ?? 0);
    return Math.min(Math.max(CHUNK, least), MAX_CHUNK, size);
  }

  async function sendAll({ signal, ending, onSent }: BlobProgress): Promise<void> {
    const chunk = new Uint8Array(await begin(signal));
    for (let position = 0; position < size; position += chunk.length) {
      throwIfAborted(ending);
      const bytes = chunk.subarray(0, size - position);
      await blob.read(position, bytes);
      await sendChunk(position, bytes, signal);
      sent.add(bytes.length);
      onSent(position + bytes.length);
    }
  }

  async function sendChunk(start: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const end = start + bytes.length;
    let from = start;
    const rest = () => ({
      method: 'PATCH' as const,
      headers: {
        'content-type': 'application/octet-stream',
        'content-range': `${from}-${end - 1}`,
      },
      body: [bytes.subarray(from - start)],
    });
    for (let standstills = 0; standstills < MAX_STANDSTILLS;) {
      const answer = await sendTo(location, {
        what: `send the ${what} of`,
        ...rest(),
        resume: async () => {
          // If all has arrived, this is asked once more, as the answer to the request.
          const ask = { method: 'GET' as const, headers: {}, body: [] };
          const state = await sendTo(location, { ...ask, what: stateOf(what), signal });
          from = storedEnd(state, { start, end, unsaid: 0 });
          return { ...(from === end ? ask : rest()), ...(location && { url: location }) };
        },
        signal,
      });
      const stored = storedEnd(answer, { start, end, unsaid: end });
      if (stored === end) return;
      if (stored <= from) standstills++;
      from = stored;
    }
    throw lost(`the registry keeps no byte after ${from}`);
  }

  /** Sends a request for the upload, whose location may change with every answer. */
  async function sendTo(
    place: URL | undefined,
    request: Omit<RepositoryRequest, 'at'>,
  ): Promise<HttpResponse> {
    if (!place) throw lost('the registry names no place for it');
    const answer = await repository.send({ ...request, at: place });
    location = repository.locationIn(answer) ?? place;
    return answer;
  }

  /** `unsaid` is what an answer without a range means: after a chunk all, else nothing. */
  function storedEnd(
    { headers }: HttpResponse,
    { start, end, unsaid }: { start: number; end: number; unsaid: number },
  ): number {
    // Of nothing some say 0--1; others 0-0, which they say of one byte too.
    const [, last] = /^(?:bytes=)?0-(\d+|-1)$/.exec(headers['range'] ?? '') ?? [];
    const stored = last === undefined ? unsaid : last === '0' ? 0 : Number(last) + 1;
    if (stored >= start && stored <= end) return stored;
    throw lost(`the registry has ${stored} bytes, and ${start} were sent`);
  }

  function lost(reason: string): KexportError {
    const cause = new HttpFailure(reason, { status: 416 });
    return new KexportError('target', `cannot send the ${what} of ${repository.name}: ${reason}`, {
      cause,
    });
  }

  async function exists(signal?: AbortSignal): Promise<boolean> {
    const request = { what: `look for the ${what} of`, at: `blobs/${digest}`, signal };
    const accepts = [404, ...REDIRECTS];
    const { status } = await repository.send({ ...request, method: 'HEAD', accepts });
    return status !== 404;
  }

  const remove = async (at: string | URL) => {
    const request = { what: `remove the ${what} of`, at, patience: CLEANUP_PATIENCE };
    await repository.send({ ...request, method: 'DELETE', accepts: [404] });
  };

  return {
    async send(progress) {
      if (await exists(progress.signal)) return;
      for (let beginnings = 1; ; beginnings++) {
        try {
          await sendAll(progress);
          return;
        } catch (error) {
          if (!isLost(error) || !location || beginnings === MAX_BEGINNINGS) throw error;
          await remove(location).catch(() => undefined); // it may be gone
          location = undefined;
        }
      }
    },
    async close(signal) {
      if (!location || isClosed) return;
      const digestPart = `digest=${encodeURIComponent(digest)}`;
      // Appended as text: what the registry has written is not to be encoded anew.
      const at = new URL(`${location.href}${location.search === '' ? '?' : '&'}${digestPart}`);
      try {
        await repository.send({ what: `store the ${what} of`, method: 'PUT', at, signal });
      } catch (error) {
        // The answer to an earlier attempt may have been lost.
        if (!isLost(error) || !(await exists(signal))) throw error;
      }
      isClosed = true;
    },
    async cancel() {
      if (isClosed) await remove(`blobs/${digest}`);
      else if (location) await remove(location);
    },
  };
}

function isLost(error: unknown): boolean {
  return LOST.has(failureOf(error)?.status ?? 0);
}

function stateOf(what: string): string {
  return `ask how much has arrived of the ${what} of`;
}
