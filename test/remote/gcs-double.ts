// Google Cloud Storage as far as uploads and reading need it. It checks what the real one checks.

import { crc32c } from '../../formats/crc32c.ts';
import { type Double, type Received, type Reply, startDouble } from './double.ts';
import { rangeReply } from './s3-double.ts';

const UNIT = 256 * 1024;

/** The token that is valid from the beginning. */
export const TOKEN = 'ya29.c2VjcmV0LXRva2Vu';

/** The environment of a program that uses it. */
export const GOOGLE_ENVIRONMENT: Record<string, string> = {
  GOOGLE_OAUTH_ACCESS_TOKEN: TOKEN,
  NO_GCE_CHECK: 'true',
  HOME: '/nowhere',
};

interface StoredObject {
  readonly bytes: Buffer;
  readonly generation: number;
}

interface Session {
  readonly key: string;
  readonly isNew: boolean;
  parts: Buffer[];
  stored: number;
  result?: Reply;
}

export interface GcsDouble extends Double {
  /** By their keys in the one bucket, `bucket`. */
  readonly objects: Map<string, StoredObject>;
  /** Uploads that are neither complete nor cancelled, by their ids. */
  readonly sessions: ReadonlyMap<string, Session>;
  readonly state: {
    /** Tokens that are accepted. */
    readonly tokens: Set<string>;
    /** How many times 256 KiB are kept of a request; the rest is to be sent again. */
    keptUnits: number;
    /** Whether the first byte of an object is stored as another. */
    spoils: boolean;
    /** Answers requests to other addresses. */
    other: (request: Received) => Reply;
  };
  put(key: string, bytes: Uint8Array): void;
}

/** Has one bucket, `bucket`. */
export async function startGcs(): Promise<GcsDouble> {
  const objects = new Map<string, StoredObject>();
  const sessions = new Map<string, Session>();
  const done = new Map<string, Session>();
  const state: GcsDouble['state'] = {
    tokens: new Set([TOKEN]),
    keptUnits: Infinity,
    spoils: false,
    other: () => ({ status: 404 }),
  };
  let count = 0;

  const double: Double = await startDouble((request) => {
    const { url, headers, method } = request;
    if (!/^\/(upload\/)?storage\/v1\/b\//.test(url.pathname)) return state.other(request);
    const [, token = ''] = /^Bearer (.*)$/.exec(headers['authorization'] ?? '') ?? [];
    if (!state.tokens.has(token)) return failure(401, 'authError', `Invalid ${token}`);
    const [, bucket, rest = ''] = /\/b\/([^/]+)\/o\/?(.*)$/.exec(url.pathname) ?? [];
    if (bucket !== 'bucket') {
      return failure(404, 'notFound', 'The specified bucket does not exist.');
    }
    if (!url.pathname.startsWith('/upload/')) return access(decodeURIComponent(rest), request);
    const id = url.searchParams.get('upload_id');
    if (id === null) return method === 'POST' ? begin(request) : { status: 405 };
    const session = sessions.get(id) ?? done.get(id);
    if (!session) return { status: 404 };
    if (method === 'PUT') return session.result ?? put(id, session, request);
    if (method !== 'DELETE') return { status: 405 };
    sessions.delete(id);
    return { status: 499 };
  });
  return Object.assign(double, {
    objects,
    sessions,
    state,
    put(key: string, bytes: Uint8Array) {
      objects.set(key, { bytes: Buffer.from(bytes), generation: ++count });
    },
  });

  function begin({ url }: Received): Reply {
    const key = url.searchParams.get('name') ?? '';
    const isNew = url.searchParams.get('ifGenerationMatch') === '0';
    if (url.searchParams.get('uploadType') !== 'resumable' || key === '') return { status: 400 };
    if (isNew && objects.has(key)) return failure(412, 'conditionNotMet', 'Precondition Failed');
    const id = `ABg5-secret-upload-${++count}`;
    sessions.set(id, { key, isNew, parts: [], stored: 0 });
    const location = `${double.url}${url.pathname}?uploadType=resumable&upload_id=${id}`;
    return { status: 200, headers: { location } };
  }

  function put(id: string, session: Session, { headers, body }: Received): Reply {
    const range = headers['content-range'] ?? '';
    const [, from = '', to = '', total = ''] =
      /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(range) ?? [];
    const end = from === '' ? session.stored : Number(to) + 1;
    const isLast = total !== '*' && end === Number(total);
    if (total === '' || body.length !== (from === '' ? 0 : end - Number(from)))
      return { status: 400, body: `Failed to parse Content-Range header ${range}` };
    if (!isLast && body.length % UNIT !== 0)
      return { status: 400, body: 'The number of bytes is not a multiple of 262144.' };
    if (from !== '') {
      if (Number(from) > session.stored) return { status: 400, body: 'Invalid offset.' };
      const known = session.stored - Number(from); // is ignored
      const kept = body.subarray(known, known + state.keptUnits * UNIT);
      session.parts.push(kept);
      session.stored += kept.length;
    }
    if (!isLast || session.stored < end) return incomplete(session);
    return complete(id, session, headers['x-goog-hash']);
  }

  function complete(id: string, session: Session, hash: string | undefined): Reply {
    const { key, isNew, parts } = session;
    const bytes = Buffer.concat(parts);
    sessions.delete(id);
    if (hash !== undefined && hash !== `crc32c=${sumOf(bytes)}`)
      return failure(400, 'invalid', `Provided CRC32C does not match`);
    if (isNew && objects.has(key)) return failure(412, 'conditionNotMet', 'Precondition Failed');
    if (state.spoils) bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
    const object = { bytes, generation: ++count };
    objects.set(key, object);
    session.result = described(object);
    done.set(id, session);
    return session.result;
  }

  function access(key: string, { method, url, headers }: Received): Reply {
    const object = objects.get(key);
    const generation = url.searchParams.get('generation') ?? String(object?.generation);
    if (!object || generation !== String(object.generation)) {
      return failure(404, 'notFound', `No such object: bucket/${key}`);
    }
    if (method === 'DELETE') {
      objects.delete(key);
      return { status: 204 };
    }
    if (url.searchParams.get('alt') !== 'media') return described(object);
    return rangeReply(object.bytes, headers['range'], {});
  }
}

function incomplete({ stored }: Session): Reply {
  return { status: 308, headers: stored === 0 ? {} : { range: `bytes=0-${stored - 1}` } };
}

function described({ bytes, generation }: StoredObject): Reply {
  const facts = { generation: String(generation), size: String(bytes.length) };
  return { status: 200, body: JSON.stringify({ ...facts, crc32c: sumOf(bytes) }) };
}

export function sumOf(bytes: Uint8Array): string {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32c(bytes));
  return sum.toString('base64');
}

function failure(status: number, reason: string, message: string): Reply {
  return {
    status,
    body: JSON.stringify({ error: { code: status, message, errors: [{ reason }] } }),
  };
}
