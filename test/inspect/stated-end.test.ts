import { execFileSync } from 'node:child_process';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { STATED_END_HEAD, statedEnd } from '../../src/inspect/stated-end.ts';
import { headView } from '../../src/partitions/disk-view.ts';
import { temporaryFolder } from '../support/folder.ts';
import { describeWith } from '../support/peers.ts';

const MIB = 2 ** 20;

/** What the head of a disk says after those commands were run on an empty file of that size. */
async function statedBy(size: number, ...commands: readonly (readonly string[])[]) {
  const path = join(temporaryFolder(), 'disk');
  writeFileSync(path, '');
  truncateSync(path, size);
  for (const [program = '', ...args] of commands) {
    execFileSync(program, [...args, path], { stdio: 'ignore' });
  }
  return statedEnd(headView(readFileSync(path).subarray(0, STATED_END_HEAD)));
}

describeWith(['sgdisk'], 'a GPT', () => {
  test('says where its backup ends, which is the end of the disk', async () => {
    const found = await statedBy(64 * MIB, ['sgdisk', '-n', '1:0:0']);
    expect(found).toEqual({ what: 'its GPT', end: 64 * MIB });
  });
});

test('an MBR says where its last partition ends', async () => {
  const head = Buffer.alloc(STATED_END_HEAD);
  head.writeUInt16LE(0xaa55, 510);
  for (const [at, type, start, count] of [
    [446, 0x83, 2048, 40_960],
    [462, 0x82, 43_008, 2048],
  ] as const) {
    head[at + 4] = type;
    head.writeUInt32LE(start, at + 8);
    head.writeUInt32LE(count, at + 12);
  }
  expect(await statedEnd(headView(head))).toEqual({ what: 'its MBR', end: 22 * MIB });
});

describeWith(['mkfs.ext4', 'mkfs.xfs'], 'a disk that is one file system', () => {
  test.each([
    ['ext4', ['mkfs.ext4', '-q', '-F'], 64 * MIB],
    ['ext4', ['mkfs.ext4', '-q', '-F', '-b', '1024', '-O', '^64bit'], 64 * MIB],
    ['XFS', ['mkfs.xfs', '-q'], 512 * MIB],
  ])('of %s says how large it is: %j', async (name, command, size) => {
    const end = size;
    expect(await statedBy(size, command)).toEqual({ what: `the ${name} file system on it`, end });
  });
});

test('a disk that begins with none of these says nothing', async () => {
  expect(await statedEnd(headView(new Uint8Array(STATED_END_HEAD)))).toBeUndefined();
  const noise = Uint8Array.from({ length: STATED_END_HEAD }, (_, i) => (i * 7919) & 0xff);
  expect(await statedEnd(headView(noise))).toBeUndefined();
});
