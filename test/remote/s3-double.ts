// S3 as far as uploads and reading need it. It checks what the real one checks.

import { createHash } from 'node:crypto';
import { signatureFault, xmlError } from './check-signature.ts';
import { type Double, type Received, type Reply, startDouble } from './double.ts';

const MIB = 2 ** 20;
const MIN_PART = 5 * MIB;
const MAX_PARTS = 10_000;

interface StoredObject {
  readonly bytes: Buffer;
  readonly etag: string;
  /** Composite, of a multipart upload. */
  readonly checksum: string;
}

interface StoredPart {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly sha256: string;
}

interface StoredUpload {
  readonly place: string;
  readonly parts: Map<number, StoredPart>;
}

export interface S3Double extends Double {
  /** By `BUCKET/KEY`. */
  readonly objects: Map<string, StoredObject>;
  /** Uploads that are neither complete nor aborted, by their ids. */
  readonly uploads: ReadonlyMap<string, StoredUpload>;
  readonly state: {
    /** Whether it says what checksum an object has, as Amazon's does. */
    tellsChecksums: boolean;
  };
  /** Puts an object there. */
  put(place: string, bytes: Uint8Array): void;
}

/** Has one bucket, `bucket`. */
export async function startS3(): Promise<S3Double> {
  const objects = new Map<string, StoredObject>();
  const uploads = new Map<string, StoredUpload>();
  const state = { tellsChecksums: true };
  let count = 0;

  const double = await startDouble((request) => {
    const fault = signatureFault(request, 's3');
    if (fault !== undefined) return xmlError(403, fault);
    const { method, url } = request;
    const place = decodeURIComponent(url.pathname.slice(1));
    if (!place.startsWith('bucket/')) return xmlError(404, 'NoSuchBucket');
    const query = url.searchParams;
    const id = query.get('uploadId');
    if (method === 'POST' && query.has('uploads')) return begin(place, request);
    if (id !== null) {
      const upload = uploads.get(id);
      if (upload?.place !== place) return xmlError(404, 'NoSuchUpload');
      if (method === 'PUT') return putPart(upload, Number(query.get('partNumber')), request);
      if (method === 'POST') return complete(id, upload, request);
      if (method === 'DELETE') {
        uploads.delete(id);
        return { status: 204 };
      }
    }
    const object = objects.get(place);
    if (method === 'DELETE') {
      objects.delete(place);
      return { status: 204 };
    }
    if (!object) return xmlError(404, 'NoSuchKey');
    return method === 'HEAD' || method === 'GET' ? read(object, request) : xmlError(405, method);
  });
  return Object.assign(double, {
    objects,
    uploads,
    state,
    put: (place: string, bytes: Uint8Array) => {
      const etag = `"${hash('md5', bytes).toString('hex')}"`;
      objects.set(place, { bytes: Buffer.from(bytes), etag, checksum: '' });
    },
  });

  function begin(place: string, { headers }: Received): Reply {
    if (headers['x-amz-checksum-algorithm'] !== 'SHA256') return xmlError(400, 'InvalidRequest');
    const id = `upload+${++count}/x=`;
    uploads.set(id, { place, parts: new Map() });
    return xml(
      `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
    );
  }

  function putPart(upload: StoredUpload, partNumber: number, { headers, body }: Received): Reply {
    if (!(partNumber >= 1 && partNumber <= MAX_PARTS)) return xmlError(400, 'InvalidArgument');
    const sha256 = hash('sha256', body).toString('base64');
    if (headers['x-amz-checksum-sha256'] !== sha256) return xmlError(400, 'BadDigest');
    const etag = `"${hash('md5', body).toString('hex')}"`;
    upload.parts.set(partNumber, { bytes: body, etag, sha256 });
    return { status: 200, headers: { etag, 'x-amz-checksum-sha256': sha256 } };
  }

  function complete(
    id: string,
    { place, parts }: StoredUpload,
    { headers, body }: Received,
  ): Reply {
    const listed = [...body.toString().matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = '']) => ({
      number: Number(element(part, 'PartNumber')),
      etag: element(part, 'ETag'),
      sha256: element(part, 'ChecksumSHA256'),
    }));
    if (listed.length === 0) return xmlError(400, 'MalformedXML');
    const found = listed.map(({ number }) => parts.get(number));
    for (const [index, { number, etag, sha256 }] of listed.entries()) {
      const part = found[index];
      if (number <= (listed[index - 1]?.number ?? 0)) return xmlError(400, 'InvalidPartOrder');
      if (part?.etag !== etag || part.sha256 !== sha256) return xmlError(400, 'InvalidPart');
      const isLast = index === listed.length - 1;
      if (!isLast && part.bytes.length < MIN_PART) return xmlError(400, 'EntityTooSmall');
    }
    if (headers['if-none-match'] === '*' && objects.has(place)) {
      return xmlError(412, 'PreconditionFailed', 'At least one of the pre-conditions did not hold');
    }
    const stored = found.filter((part) => part !== undefined);
    const etags = stored.map(({ etag }) => Buffer.from(etag.slice(1, -1), 'hex'));
    const sums = stored.map(({ sha256 }) => Buffer.from(sha256, 'base64'));
    const etag = `"${hash('md5', Buffer.concat(etags)).toString('hex')}-${stored.length}"`;
    const checksum = `${hash('sha256', Buffer.concat(sums)).toString('base64')}-${stored.length}`;
    objects.set(place, { bytes: Buffer.concat(stored.map(({ bytes }) => bytes)), etag, checksum });
    uploads.delete(id);
    return xml(
      `<CompleteMultipartUploadResult><ETag>${etag.replaceAll('"', '&quot;')}</ETag></CompleteMultipartUploadResult>`,
    );
  }

  function read({ bytes, etag, checksum }: StoredObject, { headers }: Received): Reply {
    if ((headers['if-match'] ?? etag) !== etag) return xmlError(412, 'PreconditionFailed');
    const isTold = state.tellsChecksums && headers['x-amz-checksum-mode'] === 'ENABLED';
    const facts = { etag, ...(isTold && { 'x-amz-checksum-sha256': checksum }) };
    return rangeReply(bytes, headers['range'], facts);
  }
}

/** All of a file, or the range that is asked for. */
export function rangeReply(
  bytes: Uint8Array,
  range: string | undefined,
  headers: Record<string, string>,
): Reply {
  if (range === undefined) return { status: 200, headers, body: bytes };
  const [, from = 0, to = 0] = (/^bytes=(\d+)-(\d+)$/.exec(range) ?? []).map(Number);
  if (from >= bytes.length || to < from) return xmlError(416, 'InvalidRange');
  const body = bytes.subarray(from, to + 1);
  const contentRange = `bytes ${from}-${from + body.length - 1}/${bytes.length}`;
  return { status: 206, headers: { ...headers, 'content-range': contentRange }, body };
}

function xml(text: string): Reply {
  return { status: 200, headers: { 'content-type': 'application/xml' }, body: text };
}

function element(text: string, name: string): string {
  const [, found = ''] = new RegExp(`<${name}>(.*?)</${name}>`, 's').exec(text) ?? [];
  return found.replace(/&quot;|&#34;/g, '"');
}

function hash(algorithm: string, bytes: Uint8Array): Buffer {
  return createHash(algorithm).update(bytes).digest();
}
