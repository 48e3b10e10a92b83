// An EBS snapshot that is written block by block: the EBS direct APIs, and of EC2 what removes it.

import { createHash } from 'node:crypto';
import { KexportError } from '../../errors.ts';
import type { Method } from '../http/exchange.ts';
import type { HttpResponse } from '../http/exchange.ts';
import { jsonTexts } from '../json-texts.ts';
import type { StoreOptions } from '../store-options.ts';
import { type AwsServices, awsServices, domainOf, requiredRegion } from './service.ts';
import { uriEncoded } from './sign.ts';

/** The only size of blocks, in bytes. */
export const EBS_BLOCK = 524_288;

const GIB = 2 ** 30;
/** The largest volume, of type io2 or gp3, in GiB. */
const MAX_VOLUME = 65_536;

/** Minutes without a block after which EBS gives a snapshot up; the longest that it allows. */
const TIMEOUT = 4320;

/** How long a new snapshot may be unknown to some of EBS's servers, and the clean-up. */
const PATIENCE = 180_000; // milliseconds
const CLEANUP_PATIENCE = 30_000;

/** A request to EBS direct. */
interface EbsRequest {
  readonly what: string;
  readonly method: Method;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly block?: Uint8Array;
  readonly signal?: AbortSignal | undefined;
}

export interface EbsSnapshot {
  readonly region: string;
  /** Starts it, for a disk of that size in bytes. Returns its id. */
  start(diskSize: number, description: string, signal: AbortSignal | undefined): Promise<string>;
  /** Stores a block of EBS_BLOCK bytes. Returns its SHA-256. */
  put(index: number, bytes: Uint8Array, signal: AbortSignal): Promise<Buffer>;
  /** Ends it: so many blocks were stored, and this is the SHA-256 of all their SHA-256. */
  complete(blockCount: number, linearSum: string): Promise<void>;
  /** Blocks that can be read, from that index on; their tokens by their indexes. */
  list(from: number, signal: AbortSignal | undefined): Promise<BlockList>;
  /** Reads a block. */
  get(index: number, token: string, signal: AbortSignal | undefined): Promise<Buffer>;
  /** Removes it, whatever state it is in. */
  remove(): Promise<void>;
  close(): void;
}

/** A page of a list of blocks. */
export interface BlockList {
  readonly tokens: ReadonlyMap<number, string>;
  /** Where the next page begins; undefined at the end. */
  readonly next: number | undefined;
}

/** A snapshot that is to be started, or the one with that id. */
export async function ebsSnapshot(options: StoreOptions, known = ''): Promise<EbsSnapshot> {
  const services = awsServices(options);
  const region = await requiredRegion(services);
  const send = sender(services, region);
  let id = known;
  const named = (what: string) => `${what} of the snapshot ${id}`;

  return {
    region,
    async start(diskSize, description, signal) {
      const volumeSize = Math.ceil(diskSize / GIB);
      if (volumeSize > MAX_VOLUME) {
        const what = `a volume of EBS has at most 64 TiB, the disk ${diskSize} bytes`;
        throw new KexportError('unsupported', what);
      }
      const { body } = await send({
        what: 'start an EBS snapshot',
        method: 'POST',
        path: '/snapshots',
        // The token keeps a repeated request from making a second snapshot.
        json: {
          VolumeSize: volumeSize,
          Timeout: TIMEOUT,
          Description: description,
          ClientToken: crypto.randomUUID(),
        },
        signal,
      });
      const { BlockSize: blockSize } = Object(JSON.parse(body.toString())) as Record<
        string,
        unknown
      >;
      id = jsonTexts(body.toString())['SnapshotId'] ?? '';
      if (/^snap-[0-9a-f]+$/.test(id) && blockSize === EBS_BLOCK) return id;
      const what = `EBS started a snapshot with blocks of ${String(blockSize)} bytes, not ${EBS_BLOCK}`;
      throw new KexportError('unsupported', what);
    },
    async put(index, bytes, signal) {
      const sum = Buffer.from(await crypto.subtle.digest('SHA-256', bytes));
      await send({
        what: named(`store block ${index}`),
        method: 'PUT',
        path: `/snapshots/${id}/blocks/${index}`,
        headers: {
          'x-amz-data-length': String(bytes.length),
          'x-amz-checksum': sum.toString('base64'),
          'x-amz-checksum-algorithm': 'SHA256',
        },
        block: bytes,
        signal,
      });
      return sum;
    },
    async complete(blockCount, linearSum) {
      await send({
        what: named('complete the blocks'),
        method: 'POST',
        path: `/snapshots/completion/${id}`,
        headers: {
          'x-amz-changedblockscount': String(blockCount),
          'x-amz-checksum': linearSum,
          'x-amz-checksum-algorithm': 'SHA256',
          'x-amz-checksum-aggregation-method': 'LINEAR',
        },
      });
    },
    async list(from, signal) {
      const { body } = await send({
        what: named('list the blocks'),
        method: 'GET',
        path: `/snapshots/${id}/blocks`,
        query: { startingBlockIndex: String(from), maxResults: '1000' },
        signal,
      });
      const page = JSON.parse(body.toString()) as BlockPage;
      const tokens = new Map(page.Blocks?.map((each) => [each.BlockIndex, each.BlockToken]));
      const last = Math.max(from, ...tokens.keys());
      return { tokens, next: page.NextToken == null ? undefined : last + 1 };
    },
    async get(index, token, signal) {
      const { body, headers } = await send({
        what: named(`read block ${index}`),
        method: 'GET',
        path: `/snapshots/${id}/blocks/${index}`,
        query: { blockToken: token },
        signal,
      });
      const sum = createHash('sha256').update(body).digest('base64');
      if (body.length === EBS_BLOCK && (headers['x-amz-checksum'] ?? sum) === sum) return body;
      throw new KexportError('target', `block ${index} of the snapshot ${id} was not read whole`);
    },
    async remove() {
      await removeSnapshot(services, region, id);
    },
    close: () => services.close(),
  };
}

interface BlockPage {
  readonly Blocks?: readonly { readonly BlockIndex: number; readonly BlockToken: string }[];
  readonly NextToken?: string | null;
}

function sender(services: AwsServices, region: string) {
  const host = services.endpoint('ebs') ?? `https://ebs.${region}.${domainOf(region)}`;
  return ({ path, query = {}, json, block, ...request }: EbsRequest): Promise<HttpResponse> => {
    const url = new URL(`${host}${path}`);
    url.search = Object.entries(query)
      .map(([name, value]) => `${name}=${uriEncoded(value)}`)
      .join('&');
    const text = json === undefined ? undefined : Buffer.from(JSON.stringify(json));
    const body = block ?? text;
    return services.send({
      ...request,
      url,
      headers: { ...request.headers, ...(text && { 'content-type': 'application/json' }) },
      ...(body && { body: [body] }),
      // The checksum of a block is signed, as one of its header fields.
      bodySha256: block ? 'UNSIGNED-PAYLOAD' : text && sha256(text),
      service: 'ebs',
      region,
      // For some time after its start.
      transient: ['SNAPSHOT_NOT_FOUND', 'ResourceNotFoundException'],
      patience: PATIENCE,
    });
  };
}

async function removeSnapshot(services: AwsServices, region: string, id: string): Promise<void> {
  const form = new URLSearchParams({
    Action: 'DeleteSnapshot',
    SnapshotId: id,
    Version: '2016-11-15',
  });
  const body = Buffer.from(form.toString());
  const host = services.endpoint('ec2') ?? `https://ec2.${region}.${domainOf(region)}`;
  await services.send({
    what: `delete the snapshot ${id}`,
    method: 'POST',
    url: new URL('/', host),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: [body],
    bodySha256: sha256(body),
    service: 'ec2',
    region,
    transient: ['InvalidSnapshot.NotFound'], // for some time after its start
    patience: CLEANUP_PATIENCE,
  });
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
