// A resumable upload to Google Cloud Storage ("Perform resumable uploads"). Bytes are sent in their
// order. The service may keep less than it was sent: it says how much, and the rest is sent again.

import { KexportError, option, wording } from '../../errors.ts';
import type { HttpRequest } from '../http/client.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { failureOf } from '../http/failure.ts';
import { keepSecret } from '../http/secrets.ts';
import { decodeVersion, type GcsObject, type GcsVersion } from './gcs-object.ts';

/** All that is sent at once, but the last bytes, is a multiple of this. */
export const UPLOAD_UNIT = 256 * 1024;

/** Where the upload goes on. */
const INCOMPLETE = 308;

/** What the service answers to the end of an upload, besides 204; 404 and 410: it has ended. */
const CANCELLED = [499, 404, 410];

/** How long the clean-up of a failed upload is retried, in milliseconds. */
const CLEANUP_PATIENCE = 30_000;

/** Answers without a byte more that are taken before the upload is given up. */
const MAX_STANDSTILLS = 5;

export interface GcsUpload {
  /** Sends bytes that are not the last: a multiple of UPLOAD_UNIT. One call at a time. */
  send(bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /**
   * Sends the last bytes, which makes the object. The service compares all with their CRC-32C.
   * Throws a KexportError, `exists` if the object has appeared meanwhile.
   */
  complete(bytes: Uint8Array, crc32c: string, signal: AbortSignal): Promise<GcsVersion>;
  /**
   * Ends the upload, and removes what it has stored. Returns the object if the upload had been
   * completed: it is still there.
   */
  cancel(): Promise<GcsVersion | undefined>;
}

/** Throws a KexportError `exists` if the object exists. */
export async function refuseExisting(
  object: GcsObject,
  signal: AbortSignal | undefined,
): Promise<void> {
  // Whether the credentials may write, and whether there is a bucket, the upload says.
  const query = { fields: 'generation' };
  const accepts = [404, 403];
  const { status } = await object.send({ what: 'look for', method: 'GET', query, accepts, signal });
  if (status === 200) throw exists(object);
}

function exists({ name }: GcsObject, cause?: unknown): KexportError {
  const hint = wording`use ${option('force', true)} to replace it`;
  return new KexportError('exists', `${name} exists`, { cause, hint });
}

/** Begins an upload. Unless `force` is set, the service refuses to replace an object. */
export async function beginUpload(
  object: GcsObject,
  force: boolean,
  opening: AbortSignal | undefined,
): Promise<GcsUpload> {
  const session = await openSession(object, force, opening);
  let position = 0; // of the next byte
  let mayBeComplete = false;

  /** Returns the last answer once the bytes are stored, or all is: then it is not 308. */
  async function put(
    bytes: Uint8Array,
    total: number | undefined,
    { signal, headers = {} }: Pick<HttpRequest, 'signal' | 'headers'>,
  ): Promise<HttpResponse> {
    const end = position + bytes.length;
    let from = position;
    const rest = () => ({
      headers: { ...headers, 'content-range': contentRange(from, end, total) },
      body: [bytes.subarray(from - position)],
    });
    for (let standstills = 0; standstills < MAX_STANDSTILLS;) {
      const answer = await object.send({
        what: `send bytes ${from}-${end} of`,
        method: 'PUT',
        session,
        ...rest(),
        resume: async () => {
          const state = await askState();
          from = state.status === INCOMPLETE ? storedEnd(state, position, end) : end;
          return rest();
        },
        accepts: [INCOMPLETE],
        signal,
      });
      if (answer.status !== INCOMPLETE) return answer;
      const stored = storedEnd(answer, position, end);
      if (stored === end && total === undefined) return answer;
      if (stored <= from) standstills++;
      from = stored;
    }
    throw new KexportError('target', `${object.name} does not take the bytes from ${from} on`);
  }

  const askState = (patience?: number) =>
    object.send({
      what: 'ask for the state of the upload of',
      method: 'PUT',
      session,
      headers: { 'content-range': 'bytes */*' },
      accepts: [INCOMPLETE],
      patience,
    });

  function storedEnd({ headers }: HttpResponse, start: number, end: number): number {
    const [, last] = /^bytes=0-(\d+)$/.exec(headers['range'] ?? '') ?? [];
    const stored = last === undefined ? 0 : Number(last) + 1;
    if (stored >= start && stored <= end) return stored;
    const what = `${object.name} has ${stored} bytes of ${end}, and the first ${start} were stored`;
    throw new KexportError('target', what);
  }

  return {
    async send(bytes, signal) {
      const { status } = await put(bytes, undefined, { signal });
      if (status !== INCOMPLETE) {
        throw new KexportError('target', `the upload of ${object.name} was ended by another`);
      }
      position += bytes.length;
    },
    async complete(bytes, crc32c, signal) {
      mayBeComplete = true;
      const headers = { 'x-goog-hash': `crc32c=${crc32c}` };
      try {
        const answer = await put(bytes, position + bytes.length, { signal, headers });
        return decodeVersion(object.name, answer);
      } catch (error) {
        throw failureOf(error)?.status === 412 ? exists(object, error) : error;
      }
    },
    async cancel() {
      if (mayBeComplete) {
        const state = await askState(CLEANUP_PATIENCE).catch(() => undefined);
        if (state && state.status !== INCOMPLETE) return decodeVersion(object.name, state);
      }
      await object.send({
        what: 'cancel the upload of',
        method: 'DELETE',
        session,
        accepts: CANCELLED,
        patience: CLEANUP_PATIENCE,
      });
      return undefined;
    },
  };
}

/** Returns the address of the upload: who knows it may write to the object. */
async function openSession(
  object: GcsObject,
  force: boolean,
  signal: AbortSignal | undefined,
): Promise<URL> {
  try {
    const { headers } = await object.send({
      what: 'begin an upload to',
      method: 'POST',
      session: object.uploads,
      query: force ? {} : { ifGenerationMatch: '0' },
      headers: { 'x-upload-content-type': 'application/octet-stream' },
      signal,
    });
    const session = new URL(headers['location'] ?? '', object.uploads);
    keepSecret(session.searchParams.get('upload_id') ?? '');
    return session;
  } catch (error) {
    throw failureOf(error)?.status === 412 ? exists(object, error) : error;
  }
}

function contentRange(from: number, end: number, total: number | undefined): string {
  const range = from === end ? '*' : `${from}-${end - 1}`;
  return `bytes ${range}/${total ?? '*'}`;
}

/** Removes one version of an object. */
export async function removeVersion(
  object: GcsObject,
  { generation }: Pick<GcsVersion, 'generation'>,
): Promise<void> {
  await object.send({
    what: 'remove',
    method: 'DELETE',
    query: { generation },
    accepts: [404],
    patience: CLEANUP_PATIENCE,
  });
}
