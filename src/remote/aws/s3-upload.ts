// The steps of a multipart upload to S3: begin, parts, complete or abort.

import { createHash } from 'node:crypto';
import { KexportError, option, wording } from '../../errors.ts';
import { failureOf } from '../http/failure.ts';
import { xmlEscaped, xmlText } from '../http/xml-text.ts';
import type { S3Object } from './s3-store.ts';

/** A part that S3 has. */
export interface S3Part {
  readonly partNumber: number;
  readonly etag: string;
  /** SHA-256 of its bytes, in Base64. */
  readonly sha256: string;
}

/** A finished object. */
export interface CompletedObject {
  readonly etag: string;
  /** Only in a bucket with versions. */
  readonly versionId: string | undefined;
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

/** Returns the id of the upload. */
export async function beginUpload(
  object: S3Object,
  signal: AbortSignal | undefined,
): Promise<string> {
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

/** Sends a part; S3 checks its SHA-256. */
export async function uploadPart(
  object: S3Object,
  uploadId: string,
  partNumber: number,
  bytes: Uint8Array,
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

/**
 * Makes an object of the parts. Unless `force` is set, S3 refuses to replace one that has appeared
 * meanwhile.
 */
export async function completeUpload(
  object: S3Object,
  uploadId: string,
  parts: readonly S3Part[],
  force: boolean,
): Promise<CompletedObject> {
  const ordered = [...parts].sort((one, other) => one.partNumber - other.partNumber);
  try {
    const { body, headers } = await object.send({
      what: 'complete the upload of',
      method: 'POST',
      query: { uploadId },
      headers: { 'content-type': 'application/xml', ...(!force && { 'if-none-match': '*' }) },
      ...hashedBody(listOf(ordered)),
      // S3 answers 200 before it is done, and then may still fail.
      isRefusal: ({ body: answer }) => xmlText(answer.toString(), 'Code') !== undefined,
    });
    const etag = xmlText(body.toString(), 'ETag') ?? '';
    // Ceph writes it without the quotes that headers have.
    return {
      etag: etag.startsWith('"') ? etag : `"${etag}"`,
      versionId: headers['x-amz-version-id'],
    };
  } catch (error) {
    const { serviceCode, status } = failureOf(error) ?? {};
    const isPast = serviceCode === 'NoSuchUpload' || status === 412;
    // The answer to an earlier attempt may have been lost.
    const done = isPast ? await findCompleted(object, ordered) : undefined;
    if (done) return done;
    throw status === 412 ? exists(object, error) : error;
  }
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

/** The object if it consists of these parts. */
async function findCompleted(
  object: S3Object,
  parts: readonly S3Part[],
): Promise<CompletedObject | undefined> {
  const digests = parts.map(({ sha256 }) => Buffer.from(sha256, 'base64'));
  const whole = createHash('sha256').update(Buffer.concat(digests)).digest('base64');
  const { status, headers } = await object.send({
    what: 'look for',
    method: 'HEAD',
    headers: { 'x-amz-checksum-mode': 'ENABLED' },
    accepts: [404],
  });
  const { etag } = headers;
  if (status === 404 || etag === undefined) return undefined;
  if (headers['x-amz-checksum-sha256'] !== `${whole}-${parts.length}`) return undefined;
  return { etag, versionId: headers['x-amz-version-id'] };
}

/** Removes the parts of an upload that is not complete. */
export async function abortUpload(object: S3Object, uploadId: string): Promise<void> {
  await object.send({
    what: 'abort the upload of',
    method: 'DELETE',
    query: { uploadId },
    accepts: [404],
    patience: CLEANUP_PATIENCE,
  });
}

/** Removes a finished object; in a bucket with versions, what it replaced is there again. */
export async function removeObject(
  object: S3Object,
  { versionId }: CompletedObject,
): Promise<void> {
  await object.send({
    what: 'remove',
    method: 'DELETE',
    query: versionId === undefined ? {} : { versionId },
    accepts: [404],
    patience: CLEANUP_PATIENCE,
  });
}
