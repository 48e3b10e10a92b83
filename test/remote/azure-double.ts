// A blob service of Azure with one container, `vhds`, and the addresses of managed disks. It checks
// what the real one checks and Azurite does not.

import { createHash } from 'node:crypto';
import { type Double, type Received, type Reply, startDouble } from './double.ts';
import { rangeReply } from './s3-double.ts';

const PAGE = 512;
const MAX_WRITE = 4 * 2 ** 20;

/** As it is in an address. */
export const SAS = 'sv=2022-11-02&sp=rcwd&se=2099-01-01&sig=c2Vj%2FcmV0%2Bc2lnbmF0dXJl%3D';
const SIGNATURE = 'c2Vj/cmV0+c2lnbmF0dXJl=';

export const AZURE_TOKEN = 'azure-token-1';

interface PageBlob {
  bytes: Buffer;
  etag: number;
  /** Header fields that begin with `x-ms-meta-`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Indexes of the pages that were written. */
  readonly pages: Set<number>;
}

export interface AzureDouble extends Double {
  /** By their paths, such as `/vhds/web1.vhd`. */
  readonly blobs: Map<string, PageBlob>;
  readonly counts: {
    /** Bytes that were sent as pages. */
    pageBytes: number;
  };
  /** Makes a managed disk of that length, whose pages below `used` hold old bytes. */
  addDisk(path: string, length: number, used: number): void;
}

/** Starts it. A blob is no longer than `capacity` bytes, whatever it is said to be. */
export async function startAzure(capacity = 2 ** 26): Promise<AzureDouble> {
  const blobs = new Map<string, PageBlob>();
  const counts = { pageBytes: 0 };
  const double = await startDouble((request) => {
    const { method, url, headers } = request;
    const query = url.searchParams;
    if (query.get('sig') !== SIGNATURE && headers['authorization'] !== `Bearer ${AZURE_TOKEN}`)
      return refused(403, 'AuthenticationFailed', `bad ${url.search}`);
    if (!/^\d{4}-\d\d-\d\d$/.test(headers['x-ms-version'] ?? ''))
      return refused(400, 'MissingRequiredHeader');
    const isDisk = url.pathname.startsWith('/disk/');
    if (isDisk && (headers['content-md5'] ?? headers['if-none-match'] ?? headers['if-match'])) {
      return refused(400, 'UnsupportedHeader');
    }
    if (!isDisk && !url.pathname.startsWith('/vhds/')) return refused(404, 'ContainerNotFound');
    const blob = blobs.get(url.pathname);
    const operation = query.get('comp');
    if (method === 'PUT' && operation === null)
      return isDisk ? refused(403, 'AuthorizationFailure') : make(request, blob);
    if (!blob) return refused(404, 'BlobNotFound');
    if (method === 'PUT' && operation === 'page') return put(blob, request);
    if (method === 'PUT' && operation === 'properties') return resize(blob, request);
    if (method === 'DELETE') {
      if (isDisk) return refused(403, 'AuthorizationFailure');
      blobs.delete(url.pathname);
      return { status: 202 };
    }
    if (operation === 'pagelist') return list(blob, query);
    const etag = `"0x${blob.etag.toString(16)}"`;
    if ((headers['if-match'] ?? etag) !== etag) return refused(412, 'ConditionNotMet');
    return rangeReply(blob.bytes, headers['range'], { etag, ...blob.metadata });
  });
  return Object.assign(double, {
    blobs,
    counts,
    addDisk(path: string, length: number, used: number) {
      const bytes = Buffer.alloc(length).fill(0xa5, 0, used);
      const pages = Array.from({ length: used / PAGE }, (_, index) => index);
      blobs.set(path, { bytes, etag: 1, metadata: {}, pages: new Set(pages) });
    },
  });

  function make({ headers, url }: Received, found: PageBlob | undefined): Reply {
    if (found && headers['if-none-match'] === '*') return refused(409, 'BlobAlreadyExists');
    const length = Number(headers['x-ms-blob-content-length']);
    if (headers['x-ms-blob-type'] !== 'PageBlob' || !(length % PAGE === 0))
      return refused(400, 'InvalidHeaderValue');
    const fields = Object.entries(headers);
    blobs.set(url.pathname, {
      bytes: Buffer.alloc(Math.min(length, capacity)),
      etag: 1,
      metadata: Object.fromEntries(fields.filter(([name]) => name.startsWith('x-ms-meta-'))),
      pages: new Set(),
    });
    return { status: 201 };
  }

  function put(blob: PageBlob, { headers, body }: Received): Reply {
    const [, from = 1, to = 0] = (
      /^bytes=(\d+)-(\d+)$/.exec(headers['x-ms-range'] ?? '') ?? []
    ).map(Number);
    const isAligned = from % PAGE === 0 && (to + 1) % PAGE === 0 && to > from;
    if (!isAligned || headers['x-ms-page-write'] !== 'update')
      return refused(400, 'InvalidHeaderValue');
    if (to + 1 - from !== body.length) return refused(400, 'InvalidPageRange');
    if (body.length > MAX_WRITE) return refused(413, 'RequestBodyTooLarge');
    if (to >= blob.bytes.length) return refused(416, 'InvalidPageRange');
    const md5 = headers['content-md5'];
    if (md5 !== undefined && md5 !== createHash('md5').update(body).digest('base64'))
      return refused(400, 'Md5Mismatch');
    body.copy(blob.bytes, from);
    for (let page = from / PAGE; page <= to / PAGE; page++) blob.pages.add(page);
    counts.pageBytes += body.length;
    blob.etag++;
    return { status: 201 };
  }

  function resize(blob: PageBlob, { headers }: Received): Reply {
    const length = Number(headers['x-ms-blob-content-length']);
    if (length % PAGE !== 0) return refused(400, 'InvalidHeaderValue');
    blob.bytes = Buffer.concat([blob.bytes.subarray(0, length)], length);
    blob.etag++;
    return { status: 200 };
  }

  /** Ten pages at a time. */
  function list({ pages }: PageBlob, query: URLSearchParams): Reply {
    const from = Number(query.get('marker') ?? 0);
    const indexes = [...pages].sort((a, b) => a - b).filter((page) => page >= from);
    const shown = indexes.slice(0, 10);
    const ranges = shown.map(
      (page) =>
        `<PageRange><Start>${page * PAGE}</Start><End>${page * PAGE + PAGE - 1}</End></PageRange>`,
    );
    const marker = indexes[10] === undefined ? '' : String(indexes[10]);
    return {
      status: 200,
      body: `<PageList>${ranges.join('')}<NextMarker>${marker}</NextMarker></PageList>`,
    };
  }
}

function refused(status: number, code: string, message = code): Reply {
  const body = `<Error><Code>${code}</Code><Message>${message}\nRequestId:1</Message></Error>`;
  return { status, headers: { 'x-ms-error-code': code }, body };
}
