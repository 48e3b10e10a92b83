// Recognises the object that a multipart upload has become.

import { createHash } from 'node:crypto';
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

/** The object if it consists of these parts, in their order. */
export async function findCompleted(
  object: S3Object,
  parts: readonly S3Part[],
  patience: number | undefined,
): Promise<CompletedObject | undefined> {
  const { status, headers } = await object.send({
    what: 'look for',
    method: 'HEAD',
    headers: { 'x-amz-checksum-mode': 'ENABLED' },
    accepts: [404],
    patience,
  });
  const { etag } = headers;
  if (status === 404 || etag === undefined) return undefined;
  // Stores other than Amazon's may keep no checksum, or not tell it.
  const isSame = headers['x-amz-checksum-sha256'] === sumOf(parts) || etag === etagOf(parts);
  return isSame ? { etag, versionId: headers['x-amz-version-id'] } : undefined;
}

/** What S3 gives an object as its composite SHA-256. */
function sumOf(parts: readonly S3Part[]): string {
  const sums = parts.map(({ sha256 }) => Buffer.from(sha256, 'base64'));
  const whole = createHash('sha256').update(Buffer.concat(sums)).digest('base64');
  return `${whole}-${parts.length}`;
}

/** The ETag of a multipart upload, where those of its parts are their MD5. */
function etagOf(parts: readonly S3Part[]): string {
  const sums = parts.map(({ etag }) => Buffer.from(etag.replaceAll('"', ''), 'hex'));
  const whole = createHash('md5').update(Buffer.concat(sums)).digest('hex');
  return `"${whole}-${parts.length}"`;
}
