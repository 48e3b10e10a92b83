// The EBS direct APIs, and DeleteSnapshot of EC2. They check what the real ones check, and what
// nobody has stored reads as rubbish, as in an encrypted snapshot.

import { createHash } from 'node:crypto';
import { signatureFault, xmlError } from './check-signature.ts';
import { type Double, type Received, type Reply, startDouble } from './double.ts';

const BLOCK = 524_288;
const BLOCKS_PER_GIB = 2048;
const RUBBISH = 0xa5;

interface Snapshot {
  readonly token: string;
  readonly volumeSize: number;
  readonly blocks: Map<number, Buffer>;
  isComplete: boolean;
}

export interface EbsDouble extends Double {
  /** By their ids. */
  readonly snapshots: ReadonlyMap<string, Snapshot>;
  readonly state: {
    /** Requests to store a block that still get the answer that there is no such snapshot. */
    unknownFor: number;
  };
  /** The first bytes of the volume that is made of a snapshot. */
  volume(id: string, length: number): Buffer;
}

export async function startEbs(): Promise<EbsDouble> {
  const snapshots = new Map<string, Snapshot>();
  const state = { unknownFor: 0 };

  const double = await startDouble((request) => {
    const { method, url, body } = request;
    if (method === 'POST' && url.pathname === '/') return remove(request);
    const fault = signatureFault(request, 'ebs');
    if (fault !== undefined) return refused(403, fault);
    if (method === 'POST' && url.pathname === '/snapshots')
      return start(JSON.parse(body.toString()) as Record<string, unknown>);
    const [, completed] = /^\/snapshots\/completion\/(.+)$/.exec(url.pathname) ?? [];
    if (method === 'POST' && completed !== undefined) return complete(completed, request);
    const [, id = '', index] =
      /^\/snapshots\/([^/]+)\/blocks(?:\/(\d+))?$/.exec(url.pathname) ?? [];
    const snapshot = snapshots.get(id);
    if (!snapshot) return refused(404, 'ResourceNotFoundException', 'SNAPSHOT_NOT_FOUND');
    if (method === 'PUT' && index !== undefined) return put(snapshot, Number(index), request);
    if (!snapshot.isComplete) return refused(400, 'ValidationException', 'INVALID_SNAPSHOT_ID');
    return index === undefined ? list(snapshot, url) : get(snapshot, Number(index), url);
  });
  return Object.assign(double, {
    snapshots,
    state,
    volume(id: string, length: number) {
      const bytes = Buffer.alloc(Math.ceil(length / BLOCK) * BLOCK, RUBBISH);
      for (const [index, block] of snapshots.get(id)?.blocks ?? [])
        block.copy(bytes, index * BLOCK);
      return bytes.subarray(0, length);
    },
  });

  function start(asked: Record<string, unknown>): Reply {
    const { VolumeSize: volumeSize, ClientToken: token, Timeout: timeout } = asked;
    const isValid =
      Number.isInteger(volumeSize) &&
      Number(volumeSize) >= 1 &&
      Number(volumeSize) <= 65_536 &&
      Number(timeout) >= 10 &&
      Number(timeout) <= 4320 &&
      typeof token === 'string';
    if (!isValid) return refused(400, 'ValidationException', 'INVALID_PARAMETER_VALUE');
    let id = [...snapshots].find(([, each]) => each.token === token)?.[0];
    if (id === undefined) {
      id = `snap-${(snapshots.size + 1).toString(16).padStart(17, '0')}`;
      snapshots.set(id, {
        token,
        volumeSize: Number(volumeSize),
        blocks: new Map(),
        isComplete: false,
      });
    }
    const answer = { SnapshotId: id, BlockSize: BLOCK, VolumeSize: volumeSize, Status: 'pending' };
    return { status: 201, body: JSON.stringify(answer) };
  }

  function put(snapshot: Snapshot, index: number, { headers, body }: Received): Reply {
    if (state.unknownFor > 0) {
      state.unknownFor--;
      return refused(404, 'ResourceNotFoundException', 'SNAPSHOT_NOT_FOUND');
    }
    if (snapshot.isComplete) return refused(409, 'ConflictException');
    const isBlock = headers['x-amz-data-length'] === String(BLOCK) && body.length === BLOCK;
    if (!isBlock || index >= snapshot.volumeSize * BLOCKS_PER_GIB) {
      return refused(400, 'ValidationException', 'INVALID_PARAMETER_VALUE');
    }
    const sum = sha256(body).toString('base64');
    if (headers['x-amz-checksum'] !== sum || headers['x-amz-checksum-algorithm'] !== 'SHA256') {
      return refused(400, 'ValidationException', 'INVALID_CONTENT_ENCODING');
    }
    snapshot.blocks.set(index, body);
    return { status: 201, headers: { 'x-amz-checksum': sum } };
  }

  function complete(id: string, { headers }: Received): Reply {
    const snapshot = snapshots.get(id);
    if (!snapshot) return refused(404, 'ResourceNotFoundException', 'SNAPSHOT_NOT_FOUND');
    const { blocks } = snapshot;
    const ordered = [...blocks].sort(([one], [other]) => one - other);
    const sum = sha256(Buffer.concat(ordered.map(([, block]) => sha256(block)))).toString('base64');
    const isRight =
      headers['x-amz-changedblockscount'] === String(blocks.size) &&
      headers['x-amz-checksum'] === sum &&
      headers['x-amz-checksum-algorithm'] === 'SHA256' &&
      headers['x-amz-checksum-aggregation-method'] === 'LINEAR';
    if (!isRight) return refused(400, 'ValidationException', 'INVALID_PARAMETER_VALUE');
    snapshot.isComplete = true;
    return { status: 202, body: JSON.stringify({ Status: 'pending' }) };
  }

  function list({ blocks, volumeSize }: Snapshot, url: URL): Reply {
    const from = Number(url.searchParams.get('startingBlockIndex'));
    const most = Number(url.searchParams.get('maxResults'));
    if (most < 100 || most > 10_000) return refused(400, 'ValidationException');
    const indexes = [...blocks.keys()].filter((index) => index >= from).sort((a, b) => a - b);
    const page = indexes.slice(0, most);
    const answer = {
      BlockSize: BLOCK,
      VolumeSize: volumeSize,
      Blocks: page.map((index) => ({ BlockIndex: index, BlockToken: `token/${index}=` })),
      NextToken: page.length < indexes.length ? 'next' : null,
    };
    return { status: 200, body: JSON.stringify(answer) };
  }

  function get({ blocks }: Snapshot, index: number, url: URL): Reply {
    const block = blocks.get(index);
    if (!block || url.searchParams.get('blockToken') !== `token/${index}=`) {
      return refused(400, 'ValidationException', 'INVALID_BLOCK_TOKEN');
    }
    return {
      status: 200,
      headers: { 'x-amz-checksum': sha256(block).toString('base64') },
      body: block,
    };
  }

  function remove(request: Received): Reply {
    const fault = signatureFault(request, 'ec2');
    if (fault !== undefined) return xmlError(403, fault);
    const form = new URLSearchParams(request.body.toString());
    if (form.get('Action') !== 'DeleteSnapshot') return xmlError(400, 'InvalidAction');
    if (!snapshots.delete(form.get('SnapshotId') ?? ''))
      return xmlError(400, 'InvalidSnapshot.NotFound');
    return {
      status: 200,
      body: '<DeleteSnapshotResponse><return>true</return></DeleteSnapshotResponse>',
    };
  }
}

/** An error as EBS writes it. */
export function refused(status: number, type: string, reason?: string): Reply {
  const body = JSON.stringify({ Message: `${type} it is`, Reason: reason });
  return { status, headers: { 'x-amzn-errortype': type }, body };
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
