import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { raw } from '../../formats/index.ts';
import { encode } from '../../src/export/encode.ts';
import type { Warning } from '../../src/errors.ts';
import { sourceFrom } from '../../src/open/source-from.ts';
import { ebsSink } from '../../src/remote/aws/ebs-sink.ts';
import { ebsFile } from '../../src/remote/aws/ebs-file.ts';
import { ebsSnapshot } from '../../src/remote/aws/ebs-snapshot.ts';
import type { SendOptions } from '../../src/remote/store-options.ts';
import { storedParts } from '../../src/remote/stored-parts.ts';
import type { Source } from '../../src/sources/source.ts';
import { noise } from '../support/disks.ts';
import { AWS_ENVIRONMENT } from './check-signature.ts';
import { everyNth } from './double.ts';
import { type EbsDouble, refused, startEbs } from './ebs-double.ts';

const BLOCK = 524_288;
/** Data, zeros that were written, data that ends within a block. */
const DISK = Buffer.concat([noise(3 * BLOCK), Buffer.alloc(5 * BLOCK), noise(BLOCK + 512)]);

let ebs: EbsDouble;
beforeEach(async () => {
  ebs = await startEbs();
});
afterEach(() => ebs.close());

async function send(options: SendOptions = {}, signal?: AbortSignal, source?: Source) {
  const how = { endpoint: ebs.url, env: AWS_ENVIRONMENT, firstWait: 1, patience: 5000, ...options };
  const sink = await ebsSink('ebs:', { diskSize: DISK.length, ...how });
  const disk = source ?? (await sourceFrom(DISK, { name: 'disk' }));
  return encode(disk, [{ format: raw(), sink }], { signal });
}

/** The disk with a hole in the place of its zeros; `gaps` says what that is. */
function withHole(gaps: Source['gaps']): Source {
  const extents = [
    [0, 3 * BLOCK],
    [8 * BLOCK, BLOCK + 512],
  ] as const;
  let next = 0;
  return {
    name: 'disk',
    size: DISK.length,
    gaps,
    next(buffer) {
      const [diskOffset, length] = extents[next++] ?? [];
      if (diskOffset === undefined || length === undefined) return Promise.resolve(undefined);
      buffer.set(DISK.subarray(diskOffset, diskOffset + length));
      return Promise.resolve({ diskOffset, length });
    },
    close: () => Promise.resolve(),
  };
}

describe('a snapshot of EBS', () => {
  test('reads as the disk, though what was never stored is rubbish', async () => {
    const { images } = await send();
    const [id = ''] = ebs.snapshots.keys();
    expect(ebs.volume(id, DISK.length).equals(DISK)).toBe(true);
    expect(ebs.snapshots.get(id)?.isComplete).toBe(true);
    expect(ebs.snapshots.get(id)?.volumeSize).toBe(1);
    expect(images[0]).toMatchObject({
      name: `ebs:${id}`,
      ids: { snapshotId: id, region: 'eu-test-1' },
    });
  });

  test('has the zeros of a gap that count', async () => {
    await send({}, undefined, withHole('zeros'));
    const [id = ''] = ebs.snapshots.keys();
    expect(ebs.volume(id, DISK.length).equals(DISK)).toBe(true);
  });

  test('has no block where the disk never stored anything', async () => {
    await send({}, undefined, withHole('unallocated'));
    const [snapshot] = ebs.snapshots.values();
    expect([...(snapshot?.blocks.keys() ?? [])].sort((a, b) => a - b)).toEqual([0, 1, 2, 8, 9]);
  });

  test('is whole although requests fail, and is unknown at first', async () => {
    ebs.state.unknownFor = 5;
    ebs.faults = everyNth(4, 'reset', { status: 503 }, 'lost', { status: 429 });
    await send();
    const [id = ''] = ebs.snapshots.keys();
    expect(ebs.state.unknownFor).toBe(0);
    expect(ebs.snapshots.size).toBe(1);
    expect(ebs.volume(id, DISK.length).equals(DISK)).toBe(true);
  });

  test.each([
    ['RequestThrottledException', 'RESOURCE_LEVEL_THROTTLE'],
    ['RequestThrottledException', 'ACCOUNT_THROTTLED'],
    ['RequestThrottledException', undefined],
    ['com.amazonaws.ebs#ConcurrentLimitExceededException:http://x/', undefined],
  ])('is whole although EBS throttles: %s, %s', async (type, reason) => {
    let count = 0;
    ebs.faults = () => (++count % 3 === 0 ? refused(400, type, reason) : undefined);
    await send();
    const [id = ''] = ebs.snapshots.keys();
    expect(ebs.volume(id, DISK.length).equals(DISK)).toBe(true);
  });

  test('is stored with as many requests at once as are allowed', async () => {
    ebs.latency = 20;
    await send({ connections: 3 });
    expect(ebs.mostAtOnce).toBe(3);
  });

  test('can be read back', async () => {
    const { images } = await send({ verify: true });
    const options = { code: 'source', endpoint: ebs.url, env: AWS_ENVIRONMENT } as const;
    const snapshot = await ebsSnapshot(options, images[0]?.ids?.['snapshotId']);
    const bytes = Buffer.alloc(DISK.length);
    await ebsFile(snapshot, DISK.length, undefined).read(0, bytes);
    expect(bytes.equals(DISK)).toBe(true);
    snapshot.close();
  });
});

describe('a failed export', () => {
  test.each(Array.from({ length: 10 }, (_, index) => index))(
    'leaves no snapshot if it is aborted at request %i',
    async (at) => {
      const stop = new AbortController();
      let count = 0;
      ebs.faults = () => {
        if (count++ === at) stop.abort();
        return undefined;
      };
      const outcome = await send({ connections: 1 }, stop.signal).catch((error: unknown) => error);
      if (outcome instanceof Error) expect(ebs.snapshots.size).toBe(0);
    },
  );

  test('names the snapshot that cannot be deleted, with the command that does it', async () => {
    const warnings: Warning[] = [];
    const onWarning = (warning: Warning) => {
      warnings.push(warning);
    };
    ebs.faults = ({ method, url }) =>
      method === 'PUT' || url.pathname === '/' ? { status: 403 } : undefined;
    await expect(send({ onWarning })).rejects.toThrow(
      /store block \d of the snapshot snap-\w+: HTTP 403/,
    );
    expect(warnings[0]?.message).toMatch(
      /aws ec2 delete-snapshot --region eu-test-1 --snapshot-id snap-0{16}1 does it$/,
    );
  });

  test.each([
    ['ebs:snap-1', {}, /does not name a new EBS snapshot/],
    ['ebs:', { formatName: 'vmdk' }, /a snapshot of EBS is a raw disk, not a vmdk/],
    ['ebs:', {}, /needs to know the size of the disk beforehand/],
  ])('says what makes no sense: %s %j', async (name, options, message) => {
    await expect(ebsSink(name, options)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(message) as string,
    });
  });

  test('says what a permission is lacking for, and what helps', async () => {
    ebs.faults = () => refused(403, 'AccessDeniedException', 'DEPENDENCY_ACCESS_DENIED');
    await expect(send()).rejects.toMatchObject({
      message: expect.stringContaining('HTTP 403, DEPENDENCY_ACCESS_DENIED: ') as string,
      hint: expect.stringContaining('the credentials lack the permission') as string,
    });
  });

  test('says that a region is needed', async () => {
    const env = { AWS_EC2_METADATA_DISABLED: 'true', HOME: '/nowhere' };
    await expect(send({ env })).rejects.toMatchObject({
      message: 'no region of AWS is configured',
      hint: 'set AWS_REGION, such as eu-central-1',
    });
  });
});

test('parts that are stored are found, and as much counts as is known if there are too many', () => {
  const parts = storedParts();
  parts.add(0, 10);
  parts.add(10, 5);
  parts.add(30, 10);
  expect(parts.firstIn(5, 100)).toEqual({ start: 5, end: 15 });
  expect(parts.firstIn(15, 20)).toBeUndefined();
  expect(parts.firstIn(20, 35)).toEqual({ start: 30, end: 35 });
  expect(parts.firstIn(40, 100)).toBeUndefined();
  const many = storedParts();
  for (let index = 0; index < 70_000; index++) many.add(index * 10, 1);
  expect(many.firstIn(65_000 * 10 + 5, 1e6)).toEqual({ start: 650_010, end: 650_011 });
  expect(many.firstIn(68_000 * 10 + 5, 1e6)).toEqual({ start: 680_005, end: 699_991 });
});
