// A registry with one repository, `vms/web1`. It checks what the Distribution Specification has a
// registry check, and is as strict as some are: it knows an upload by its last location only.

import { createHash } from 'node:crypto';
import { type Double, type Received, type Reply, startDouble } from './double.ts';
import { rangeReply } from './s3-double.ts';

export const USER = 'robot$web1';
export const PASSWORD = 'secret:pass/word';
export const TOKEN = 'registry-token-';

const ROOT = '/v2/vms/web1/';

interface Upload {
  bytes: Buffer;
  readonly chunks: number[];
}

interface StoredManifest {
  readonly bytes: Buffer;
  readonly mediaType: string;
}

export interface RegistryDouble extends Double {
  /** By their digests. */
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, StoredManifest>;
  /** The digest of each tag. */
  readonly tags: Map<string, string>;
  /** Uploads that are neither closed nor cancelled. */
  readonly uploads: ReadonlyMap<string, Upload>;
  readonly state: {
    /** What it wants to know of who asks. */
    access: 'nothing' | 'basic' | 'bearer';
    /** Tokens that are accepted. */
    readonly tokens: Set<string>;
    /** Those of them that also allow to delete. */
    readonly deleteTokens: Set<string>;
    /** The answer to requests for tokens. */
    giveToken: (request: Received) => Reply;
    /** Whether an upload is known by any of its locations. */
    isLenient: boolean;
    /** Whether anything is deleted but uploads. */
    deletes: boolean;
    /** Whether a tag is deleted without its manifest. */
    untags: boolean;
    /** Whether blobs are elsewhere. */
    redirects: boolean;
    /** The range that an upload has of which nothing has arrived; undefined: none is said. */
    rangeOfNothing: string | undefined;
    /** Bytes that a chunk must have at least. */
    leastChunk: number;
  };
}

export async function startRegistry(): Promise<RegistryDouble> {
  const blobs = new Map<string, Buffer>();
  const manifests = new Map<string, StoredManifest>();
  const tags = new Map<string, string>();
  const uploads = new Map<string, Upload>();
  const state: RegistryDouble['state'] = {
    access: 'nothing',
    tokens: new Set(),
    deleteTokens: new Set(),
    giveToken: () => ({ status: 404 }),
    isLenient: false,
    deletes: true,
    untags: false,
    redirects: false,
    rangeOfNothing: '0-0',
    leastChunk: 0,
  };
  let count = 0;

  const double: Double = await startDouble((request) => {
    const { method, url, headers } = request;
    if (url.pathname === '/token') return state.giveToken(request);
    if (url.pathname.startsWith('/elsewhere/')) return elsewhere(request);
    const isDeletion = method === 'DELETE';
    if (!isAllowed(isDeletion, headers['authorization'])) return challenge(isDeletion);
    if (url.pathname === '/v2/') return { status: 200 };
    if (!url.pathname.startsWith(ROOT)) return failure(404, 'NAME_UNKNOWN');
    const [kind = '', ...rest] = url.pathname.slice(ROOT.length).split('/');
    const name = rest.join('/');
    if (kind === 'manifests') return manifest(name, request);
    if (kind !== 'blobs') return failure(404, 'UNSUPPORTED');
    if (name === 'uploads/') return method === 'POST' ? begin() : failure(405, 'UNSUPPORTED');
    if (name.startsWith('uploads/')) return upload(name.slice('uploads/'.length), request);
    return blob(name, request);
  });
  return Object.assign(double, { blobs, manifests, tags, uploads, state });

  function isAllowed(isDeletion: boolean, authorization = ''): boolean {
    const [, token = ''] = /^Bearer (.*)$/.exec(authorization) ?? [];
    if (state.access === 'bearer')
      return (isDeletion ? state.deleteTokens : state.tokens).has(token);
    return state.access === 'nothing' || authorization === basicOf(USER, PASSWORD);
  }

  function challenge(isDeletion: boolean): Reply {
    const scope = isDeletion ? 'repository:vms/web1:delete' : 'other';
    const place = `Bearer realm="${double.url}/token",service="registry.test",scope="${scope}"`;
    const wanted = state.access === 'basic' ? 'Basic realm="registry"' : place;
    return { ...failure(401, 'UNAUTHORIZED'), headers: { 'www-authenticate': wanted } };
  }

  function begin(): Reply {
    const id = `upload-${++count}`;
    uploads.set(id, { bytes: Buffer.alloc(0), chunks: [] });
    const least = state.leastChunk;
    const more = least > 0 ? { 'oci-chunk-min-length': String(least) } : {};
    return { status: 202, headers: { ...placeOf(id, 0), ...more } };
  }

  /** Relative, and with a state that must be given back. */
  function placeOf(id: string, length: number) {
    const range = length === 0 ? state.rangeOfNothing : `0-${length - 1}`;
    const location = `${ROOT}blobs/uploads/${id}?_state=at%3D${length}`;
    return { location, ...(range !== undefined && { range }) };
  }

  function upload(id: string, request: Received): Reply {
    const { method, url, headers, body } = request;
    const found = uploads.get(id);
    if (!found) return failure(404, 'BLOB_UPLOAD_UNKNOWN');
    const { length } = found.bytes;
    const isLast = url.searchParams.get('_state') === `at=${length}`;
    if (!isLast && !state.isLenient) return failure(404, 'BLOB_UPLOAD_INVALID');
    if (method === 'GET') return { status: 204, headers: placeOf(id, length) };
    if (method === 'DELETE') {
      uploads.delete(id);
      return { status: 204 };
    }
    if (method === 'PATCH') {
      if (headers['content-type'] !== 'application/octet-stream')
        return failure(400, 'BLOB_UPLOAD_INVALID');
      const end = length + body.length;
      if (headers['content-range'] !== `${length}-${end - 1}`) return { status: 416 };
      found.bytes = Buffer.concat([found.bytes, body]);
      found.chunks.push(body.length);
      return { status: 202, headers: placeOf(id, end) };
    }
    const digest = url.searchParams.get('digest') ?? '';
    const bytes = Buffer.concat([found.bytes, body]);
    if (found.chunks.slice(0, -1).some((chunk) => chunk < state.leastChunk))
      return failure(416, 'SIZE_INVALID');
    if (digest !== digestOf(bytes)) return failure(400, 'DIGEST_INVALID');
    uploads.delete(id);
    blobs.set(digest, bytes);
    return { status: 201, headers: { 'docker-content-digest': digest } };
  }

  function blob(digest: string, { method, headers }: Received): Reply {
    const bytes = blobs.get(digest);
    if (!bytes) return failure(404, 'BLOB_UNKNOWN');
    if (method === 'DELETE') {
      if (!state.deletes) return failure(405, 'UNSUPPORTED');
      blobs.delete(digest);
      return { status: 202 };
    }
    if (!state.redirects) return rangeReply(bytes, headers['range'], {});
    const other = double.url.replace('127.0.0.1', 'localhost');
    const location = `${other}/elsewhere/${digest}?X-Amz-Signature=1`;
    return { status: 307, headers: { location } };
  }

  /** Where a request may be signed in one way only. */
  function elsewhere({ url, headers }: Received): Reply {
    if (headers['authorization'] !== undefined) return { status: 400 };
    const bytes = blobs.get(url.pathname.slice('/elsewhere/'.length));
    return bytes ? rangeReply(bytes, headers['range'], {}) : { status: 404 };
  }

  function manifest(name: string, { method, headers, body }: Received): Reply {
    const digest = name.startsWith('sha256:') ? name : (tags.get(name) ?? '');
    if (method === 'PUT') return putManifest(name, headers['content-type'] ?? '', body);
    const found = manifests.get(digest);
    if (!found) return failure(404, 'MANIFEST_UNKNOWN');
    if (method === 'DELETE') {
      if (state.untags && tags.delete(name)) return { status: 202 };
      if (!state.deletes || digest !== name) return failure(405, 'UNSUPPORTED');
      manifests.delete(digest);
      for (const [tag, named] of tags) if (named === digest) tags.delete(tag);
      return { status: 202 };
    }
    const isWanted = headers['accept']?.split(', ').includes(found.mediaType);
    if (!isWanted) return failure(404, 'MANIFEST_UNKNOWN');
    return { status: 200, headers: { 'docker-content-digest': digest }, body: found.bytes };
  }

  function putManifest(tag: string, mediaType: string, bytes: Buffer): Reply {
    const found = JSON.parse(bytes.toString()) as {
      mediaType: string;
      config: { digest: string; size: number };
      layers: { digest: string; size: number }[];
    };
    if (found.mediaType !== mediaType) return failure(400, 'MANIFEST_INVALID');
    for (const { digest, size } of [found.config, ...found.layers]) {
      if (blobs.get(digest)?.length !== size) return failure(400, 'MANIFEST_BLOB_UNKNOWN');
    }
    const digest = digestOf(bytes);
    manifests.set(digest, { bytes, mediaType });
    tags.set(tag, digest);
    return { status: 201, headers: { 'docker-content-digest': digest } };
  }
}

export function basicOf(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function failure(status: number, code: string): Reply {
  const headers = { 'content-type': 'application/json' };
  const message = code.toLowerCase().replaceAll('_', ' ');
  return { status, headers, body: JSON.stringify({ errors: [{ code, message }] }) };
}
