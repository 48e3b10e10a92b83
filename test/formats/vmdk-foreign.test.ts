// Images read by programs of others. Each must find the disk that went in, byte for byte.

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode, fileSink, openSource, vmdk } from 'kexport';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { has, hasPython } from '../vmdk-peers.ts';

const KIB = 1024;
const MIB = 2 ** 20;
const GRAIN = 64 * KIB;

interface Piece {
  readonly diskOffset: number;
  readonly bytes: Uint8Array;
}

/** Text that differs from grain to grain. */
function grains(step: number, first: number, end: number): Piece[] {
  const pieces = [];
  for (let i = first; i < end; i += step) {
    pieces.push({ diskOffset: i * GRAIN, bytes: Buffer.alloc(GRAIN, `grain ${i} of a disk\n`) });
  }
  return pieces;
}

const DISKS: [name: string, diskSize: number, pieces: Piece[]][] = [
  ['one-grain', GRAIN, grains(1, 0, 1)],
  ['one-full-table', 32 * MIB, grains(1, 0, 512)],
  ['one-full-table-and-a-grain', 32 * MIB + GRAIN, grains(1, 0, 513)],
  ['every-other-grain', 64 * MIB, grains(2, 0, 1024)],
  ['only-zeros', 64 * MIB, []],
  ['random', 8 * MIB, [{ diskOffset: 0, bytes: randomBytes(8 * MIB) }]],
  ['first-and-last-of-5-GiB', 5120 * MIB, grains(81_919, 0, 81_920)],
];

// Exits with a message unless the image reads as the raw disk.
const READ_WITH_LIBVMDK = `
import pyvmdk, sys
image, raw, step = pyvmdk.handle(), open(sys.argv[2], 'rb'), 1 << 20
image.open(sys.argv[1])
image.open_extent_data_files()
at = 0
while data := raw.read(step):
    if image.read_buffer(len(data)) != data: sys.exit('differs after byte %d' % at)
    at += len(data)
if image.get_media_size() != at: sys.exit('has %d bytes' % image.get_media_size())
`;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kexport-vmdk-'));
});
afterAll(() => rm(folder, { recursive: true }));

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Compares what a command line sends to its standard output with the raw disk. */
function compareOutput(command: string, image: string, raw: string): void {
  run('bash', '-c', `set -o pipefail; ${command} | cmp - "$2"`, 'bash', image, raw);
}

describe.each(DISKS)('%s', (name, diskSize, pieces) => {
  let raw: string;
  let image: string;
  beforeAll(async () => {
    raw = join(folder, `${name}.raw`);
    image = join(folder, `${name}.vmdk`);
    const file = await open(raw, 'w');
    await file.truncate(diskSize);
    for (const { diskOffset, bytes } of pieces)
      await file.write(bytes, 0, bytes.length, diskOffset);
    await file.close();
    const target = { format: vmdk(), sink: await fileSink(image) };
    await encode(await openSource(raw), [target], { identity: { name } });
  });
  afterAll(() => Promise.all([rm(raw), rm(image)]));

  test.skipIf(!has('qemu-img'))('qemu-img finds the same disk', () => {
    // A shorter image would be a warning.
    const answer = run('qemu-img', 'compare', '-f', 'vmdk', '-F', 'raw', image, raw);
    expect(answer).toBe('Images are identical.\n');
  });

  test.skipIf(!has('7zz'))('7-Zip finds the same disk', () => {
    compareOutput('7zz x -so -tvmdk "$1"', image, raw);
  });

  test.skipIf(!hasPython('pyvmdk'))('libvmdk finds the same disk', () => {
    run('/usr/bin/python3', '-c', READ_WITH_LIBVMDK, image, raw);
  });

  test.skipIf(!has('vmdkinfo'))('libvmdk tells its type, size and extent', () => {
    const info = run('vmdkinfo', image);
    expect(info).toMatch(/Disk type:\s+Stream optimized/);
    expect(info).toMatch(new RegExp(`Media size:.*\\b${diskSize} bytes`));
    expect(info).toMatch(new RegExp(`Filename:\\s+${name}\\.vmdk\\n`));
  });

  // It reads by libvmdk as well, so the large disk would only take its time again.
  test.skipIf(!has('img_cat') || diskSize > 64 * MIB)('sleuthkit finds the same disk', () => {
    compareOutput('img_cat -i vmdk "$1"', image, raw);
  });
});
