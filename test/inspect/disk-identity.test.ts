// What a disk keeps of its machine, against the programs that made and name it.

import {
  mkdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
  openSync,
  closeSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { diskIdentity } from '../../src/inspect/disk-identity.ts';
import { openExt } from '../../src/inspect/ext4-files.ts';
import { inspectDisk } from '../../src/inspect/inspect-disk.ts';
import { withContents } from '../../src/inspect/with-contents.ts';
import { headView, type ReadAt } from '../../src/partitions/disk-view.ts';
import { temporaryFolder } from '../support/folder.ts';
import { loopDevice } from '../support/loop-device.ts';
import { mountedDevice } from '../support/mounted.ts';
import { describeAsRoot, describeWith, run } from '../support/peers.ts';
import { capturedLabels } from '../support/zfs-labels.ts';

const MIB = 2 ** 20;

function readerOf(bytes: Uint8Array): ReadAt {
  return (diskOffset, buffer) => {
    buffer.set(bytes.subarray(diskOffset, diskOffset + buffer.length));
    return Promise.resolve(buffer.length);
  };
}

async function identityOf(bytes: Uint8Array) {
  const read = readerOf(bytes);
  const facts = await withContents(await inspectDisk(read, bytes.length), read, bytes.length);
  return diskIdentity(facts, read, bytes.length);
}

function emptyDisk(size: number): string {
  const path = join(temporaryFolder(), 'disk');
  writeFileSync(path, '');
  truncateSync(path, size);
  return path;
}

/** The files of a machine with host keys that ssh-keygen has made. */
function machine(): string {
  const root = join(temporaryFolder(), 'root');
  mkdirSync(join(root, 'etc/ssh'), { recursive: true });
  mkdirSync(join(root, 'var/lib/cloud/instances'), { recursive: true });
  writeFileSync(join(root, 'etc/hostname'), 'web1\n');
  writeFileSync(join(root, 'etc/machine-id'), `${'0123456789abcdef'.repeat(2)}\n`);
  writeFileSync(join(root, 'etc/hostid'), Buffer.from('78563412', 'hex'));
  run(
    'ssh-keygen',
    '-q',
    '-t',
    'ed25519',
    '-N',
    '',
    '-f',
    join(root, 'etc/ssh/ssh_host_ed25519_key'),
  );
  // A folder and a file of many blocks.
  for (let index = 0; index < 600; index++) {
    writeFileSync(join(root, 'etc', `a-file-with-a-rather-long-name-${index}`), '');
  }
  writeFileSync(join(root, 'etc/many'), 'x'.repeat(40_000));
  return root;
}

describeWith(['mkfs.ext4', 'ssh-keygen'], 'the identity in the files of a machine', () => {
  test.each([
    ['ext4', ['-t', 'ext4']],
    ['ext4 with blocks of 1 KiB', ['-t', 'ext4', '-b', '1024']],
    ['ext4 of 32 bits, with small inodes', ['-t', 'ext4', '-O', '^64bit', '-I', '128']],
    ['ext3', ['-t', 'ext3']],
    ['ext2', ['-t', 'ext2', '-b', '1024']],
  ])('is read from %s', async (_, options) => {
    const root = machine();
    const path = emptyDisk(64 * MIB);
    const uuid = 'b8e2e3d2-1111-4222-8333-444455556666';
    run('mkfs.ext4', '-q', '-F', ...options, '-U', uuid, '-d', root, path);
    const { volumes, diskGuid } = await identityOf(readFileSync(path));
    expect(diskGuid).toBeUndefined();
    const printed = run('ssh-keygen', '-l', '-f', join(root, 'etc/ssh/ssh_host_ed25519_key.pub'));
    expect(volumes).toMatchObject([
      {
        uuid,
        machine: {
          hostname: 'web1',
          machineId: '0123456789abcdef0123456789abcdef',
          hostid: '12345678',
          sshHostKeys: [{ name: 'ssh_host_ed25519_key', fingerprint: printed.split(' ')[1] }],
          cloudInit: true,
        },
      },
    ]);
    const files = await openExt(headView(readFileSync(path)));
    expect(Buffer.from((await files?.read(['etc', 'many'])) ?? []).toString()).toBe(
      'x'.repeat(40_000),
    );
    expect(await files?.read(['etc'])).toBeUndefined();
    expect(await files?.list(['etc', 'hostname'])).toEqual([]);
    expect((await files?.list(['etc']))?.length).toBeGreaterThan(600);
  });

  test('is not looked for in a tree of extents that points to itself', async () => {
    const bytes = Buffer.alloc(8 * MIB);
    bytes.writeUInt32LE(32, 1024); // inodes
    bytes.writeUInt32LE(2048, 1024 + 4);
    bytes.writeUInt32LE(2, 1024 + 24); // blocks of 4 KiB
    bytes.writeUInt32LE(32, 1024 + 40);
    bytes.writeUInt16LE(0xef53, 1024 + 56);
    bytes.writeUInt32LE(1, 1024 + 76);
    bytes.writeUInt16LE(256, 1024 + 88);
    bytes.writeUInt32LE(0x40, 1024 + 96); // extents
    bytes.writeUInt32LE(2, 4096 + 8); // where the inodes are
    const root = 2 * 4096 + 256;
    bytes.writeUInt16LE(0x4000, root);
    bytes.writeUInt32LE(MIB, root + 4);
    bytes.writeUInt32LE(0x80000, root + 32);
    const putNode = (at: number, entries: number) => {
      [0xf30a, entries, entries, 1].forEach((value, i) => bytes.writeUInt16LE(value, at + 2 * i));
      for (let i = 1; i <= entries; i++) bytes.writeUInt32LE(3, at + 12 * i + 4); // the second node
    };
    putNode(root + 40, 4);
    putNode(3 * 4096, 340);
    let reads = 0;
    const files = await openExt({
      ...headView(bytes),
      at: (offset, length) => {
        reads++;
        return headView(bytes).at(offset, length);
      },
    });
    expect(await files?.list(['etc'])).toEqual([]);
    expect(reads).toBeLessThan(20);
  });

  test('is read whatever is damaged, or is not', async () => {
    const path = emptyDisk(4 * MIB);
    run(
      'mkfs.ext4',
      '-q',
      '-F',
      '-b',
      '1024',
      '-O',
      '^has_journal',
      '-N',
      '1200',
      '-d',
      machine(),
      path,
    );
    const sound = readFileSync(path);
    const damage = fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { maxLength: 400 });
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const bytes = Buffer.from(sound);
        for (const [at, value] of changes) bytes[at] = value;
        await identityOf(bytes);
      }),
      { numRuns: 20 },
    );
  });
});

describeAsRoot('a file of a mounted ext4', () => {
  test('is read from a tree of extents with several levels', async () => {
    const path = emptyDisk(16 * MIB);
    run('mkfs.ext4', '-q', '-F', '-b', '1024', '-I', '128', path);
    const device = loopDevice(path);
    const expected = Buffer.alloc(63 * 1024);
    const file = join(mountedDevice(device), 'file');
    const fd = openSync(file, 'w');
    for (let at = 0; at < expected.length; at += 2048) {
      writeSync(fd, expected.fill(`${at}`, at, at + 1024), at, 1024, at);
    }
    closeSync(fd);
    run('sync', '-f', file);
    expect(run('debugfs', '-R', 'ex file', path)).toMatch(/1\/ *1/); // a level below the inode
    const files = await openExt(headView(readFileSync(path)));
    expect(Buffer.from((await files?.read(['file'])) ?? []).equals(expected)).toBe(true);
  });
});

describeWith(['sgdisk', 'mkfs.vfat', 'mkfs.ext4', 'mkswap', 'blkid'], 'names on a disk', () => {
  test('are those that blkid and sgdisk print', async () => {
    const path = emptyDisk(128 * MIB);
    const parts = [
      ['1', 40, ['mkfs.vfat', '-F', '32']],
      ['2', 16, ['mkswap', '-q']],
      ['3', 16, ['mkfs.ext4', '-q']],
    ] as const;
    run('sgdisk', ...parts.flatMap(([index, size]) => ['-n', `${index}:0:+${size}M`]), path);
    const uuids: string[] = [];
    let at = MIB;
    for (const [, size, [program, ...args]] of parts) {
      const part = emptyDisk(size * MIB);
      run(program, ...args, part);
      uuids.push(run('blkid', '-p', '-s', 'UUID', '-o', 'value', part).trim());
      const file = openSync(path, 'r+');
      writeSync(file, readFileSync(part), 0, size * MIB, at);
      closeSync(file);
      at += size * MIB;
    }
    const { diskGuid = '', volumes } = await identityOf(readFileSync(path));
    expect(run('sgdisk', '-p', path)).toContain(`(GUID): ${diskGuid}`);
    expect(volumes.map(({ uuid }) => uuid)).toEqual(uuids);
    for (const { index = 0, guid = '' } of volumes) {
      expect(run('sgdisk', '-i', String(index), path)).toContain(`unique GUID: ${guid}`);
    }
  });
});

describe('a pool on a disk', () => {
  test('has its guid, and the host that used it last', async () => {
    const bytes = new Uint8Array(4 * MIB);
    const [first] = capturedLabels('multihost', 128 * MIB);
    bytes.set(first?.label ?? []);
    const { volumes } = await identityOf(bytes);
    expect(volumes).toMatchObject([
      {
        content: {
          kind: 'zfs',
          pool: {
            guid: expect.stringMatching(/^\d+$/) as string,
            hostid: expect.stringMatching(/^[0-9a-f]{8}$/) as string,
          },
        },
      },
    ]);
  });
});
