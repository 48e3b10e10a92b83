// The steps of a multipart upload to S3: begin, parts, complete or abort.

import { createHash } from 'node:crypto';
import { KexportError, option, wording } from '../../errors.ts';
import { failureOf } from '../http/failure.ts';
import { xmlEscaped, xmlText } from '../http/xml-text.ts';
import { type CompletedObject, findCompleted, type S3Part } from './s3-completed.ts';
import type { S3Object } from './s3-store.ts';

/** A multipart upload. */
export interface S3Upload {
  readonly id: string;
  /** The object, once the upload is known to be complete. */
  readonly completed: CompletedObject | undefined;
  /** Whether the upload is complete, or may be: the answer that said so may have been lost. */
  readonly mayBeComplete: boolean;
  /** Sends a part; S3 checks its SHA-256. */
  send(partNumber: number, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Makes an object of the parts. Throws a KexportError, `exists` if another has appeared. */
  complete(): Promise<CompletedObject>;
  /** Removes the parts of an upload that is not complete. */
  abort(): Promise<void>;
  /** Removes the object, if there is one, after `abort` unless the upload is complete. */
  removeObject(): Promise<void>;
}

/** How long the clean-up of a failed upload is retried, in milliseconds. */
const CLEANUP_PATIENCE = 30_000;

/** Throws a KexportError `exists` if the object exists. */
export async function refuseExisting(
  object: S3Object,
  signal: AbortSignal | undefined,
): Promise<void> {
  // Without the permission s3:ListBucket the answer for no object is 403. That the credentials may
  // not write either, the upload says.
  const accepts = [404, 403];
  const { status } = await object.send({ what: 'look for', method: 'HEAD', accepts, signal });
  if (status === 200) throw exists(object);
}

function exists({ name }: S3Object, cause?: unknown): KexportError {
  const hint = wording`use ${option('force', true)} to replace it`;
  return new KexportError('exists', `${name} exists`, { cause, hint });
}

/** Begins an upload. Unless `force` is set, S3 refuses to replace an object that has appeared. */
export async function beginUpload(
  object: S3Object,
  force: boolean,
  signal: AbortSignal | undefined,
): Promise<S3Upload> {
  const id = await openUpload(object, signal);
  const parts: S3Part[] = [];
  let completed: CompletedObject | undefined;
  let mayBeComplete = false;
  let isRepeated = false; // the request to complete it
  let wasThere = true; // when it was aborted

  const onRepeat = () => void (isRepeated = true);
  const inOrder = () => [...parts].sort((one, other) => one.partNumber - other.partNumber);
  const complete = async () => {
    mayBeComplete = true;
    try {
      return await completeUpload(object, { id, parts: inOrder(), force, onRepeat });
    } catch (error) {
      const { serviceCode, status = 500 } = failureOf(error) ?? {};
      if (!isRepeated && status < 500) mayBeComplete = false;
      const isPast = serviceCode === 'NoSuchUpload' || status === 412;
      // The answer to an earlier attempt may have been lost.
      const found = isPast && mayBeComplete ? await find().catch(() => undefined) : undefined;
      if (found) return found;
      throw status === 412 ? exists(object, error) : error;
    }
  };
  const find = async (patience?: number) => {
    const found = await findCompleted(object, inOrder(), patience);
    mayBeComplete = found !== undefined;
    return found;
  };

  return {
    id,
    get completed() {
      return completed;
    },
    get mayBeComplete() {
      return mayBeComplete;
    },
    async send(partNumber, bytes, stop) {
      parts.push(await sendPart(object, id, { partNumber, bytes }, stop));
    },
    async complete() {
      completed ??= await complete();
      return completed;
    },
    async abort() {
      wasThere = await abortUpload(object, id);
    },
    async removeObject() {
      if (!completed) {
        // What was to be replaced may be the same image. It still is, as the upload was there.
        if (!mayBeComplete || (force && wasThere)) return;
        completed = await find(CLEANUP_PATIENCE);
      }
      if (completed) await removeVersion(object, completed);
    },
  };
}

/** Returns the id of the upload. */
async function openUpload(object: S3Object, signal: AbortSignal | undefined): Promise<string> {
  const { body } = await object.send({
    what: 'begin an upload to',
    method: 'POST',
    query: { uploads: '' },
    headers: {
      'content-type': 'application/octet-stream',
      'x-amz-checksum-algorithm': 'SHA256',
      'x-amz-checksum-type': 'COMPOSITE',
    },
    signal,
  });
  const uploadId = xmlText(body.toString(), 'UploadId');
  if (uploadId !== undefined) return uploadId;
  throw new KexportError('target', `cannot begin an upload to ${object.name}: it has got no id`);
}

async function sendPart(
  object: S3Object,
  uploadId: string,
  { partNumber, bytes }: { readonly partNumber: number; readonly bytes: Uint8Array },
  signal: AbortSignal,
): Promise<S3Part> {
  const digest = Buffer.from(await crypto.subtle.digest('SHA-256', bytes));
  const sha256 = digest.toString('base64');
  const { headers } = await object.send({
    what: `send part ${partNumber} of`,
    method: 'PUT',
    query: { partNumber: String(partNumber), uploadId },
    headers: { 'x-amz-checksum-sha256': sha256 },
    body: [bytes],
    bodySha256: digest.toString('hex'),
    signal,
  });
  const { etag = '' } = headers;
  const stored = headers['x-amz-checksum-sha256'];
  if (etag !== '' && (stored ?? sha256) === sha256) return { partNumber, etag, sha256 };
  throw new KexportError('target', `part ${partNumber} of ${object.name} was stored as another`);
}

interface Completion {
  readonly id: string;
  /** In their order. */
  readonly parts: readonly S3Part[];
  readonly force: boolean;
  /** Called before the request is sent again. */
  readonly onRepeat: () => void;
}

async function completeUpload(
  object: S3Object,
  { id, parts, force, onRepeat }: Completion,
): Promise<CompletedObject> {
  const { body, headers } = await object.send({
    what: 'complete the upload of',
    method: 'POST',
    query: { uploadId: id },
    headers: { 'content-type': 'application/xml', ...(!force && { 'if-none-match': '*' }) },
    ...hashedBody(listOf(parts)),
    resume: () => {
      onRepeat();
      return Promise.resolve({});
    },
    // S3 answers 200 before it is done, and then may still fail.
    isRefusal: ({ body: answer }) => xmlText(answer.toString(), 'Code') !== undefined,
  });
  const etag = xmlText(body.toString(), 'ETag') ?? '';
  // Ceph writes it without the quotes that headers have.
  return {
    etag: etag.startsWith('"') ? etag : `"${etag}"`,
    versionId: headers['x-amz-version-id'],
  };
}

function listOf(parts: readonly S3Part[]): string {
  const items = parts.map(
    ({ partNumber, etag, sha256 }) =>
      `<Part><PartNumber>${partNumber}</PartNumber><ETag>${xmlEscaped(etag)}</ETag><ChecksumSHA256>${sha256}</ChecksumSHA256></Part>`,
  );
  const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';
  return `<CompleteMultipartUpload xmlns="${namespace}">${items.join('')}</CompleteMultipartUpload>`;
}

function hashedBody(text: string) {
  const body = Buffer.from(text);
  return { body: [body], bodySha256: createHash('sha256').update(body).digest('hex') };
}

/** Returns whether there was such an upload. */
async function abortUpload(object: S3Object, uploadId: string): Promise<boolean> {
  const { status } = await object.send({
    what: 'abort the upload of',
    method: 'DELETE',
    query: { uploadId },
    accepts: [404],
    patience: CLEANUP_PATIENCE,
  });
  return status !== 404;
}

/** In a bucket with versions, what it replaced is there again. */
async function removeVersion(object: S3Object, { versionId }: CompletedObject): Promise<void> {
  await object.send({
    what: 'remove',
    method: 'DELETE',
    query: versionId === undefined ? {} : { versionId },
    accepts: [404],
    patience: CLEANUP_PATIENCE,
  });
}
