// Damaged and unsupported images are distinguished, up to the exit status of `verify`.

import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeSendStream } from '../../bench/make-send-stream.ts';
import { FormatError, ova, qcow2, vhdDynamic, vmdk } from '../../formats/index.ts';
import { asKexportError, KexportError } from '../../src/errors.ts';
import { openImageFile } from '../../src/images/open-image-file.ts';
import { diskWithBlocks, noise } from '../support/disks.ts';
import { sharedFolder } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { writeImage } from '../support/write-image.ts';

const MIB = 2 ** 20;
const disk = diskWithBlocks(4 * MIB, [0, 40]);
const folder = sharedFolder();

function save(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

describe('a FormatError', () => {
  test.each(['damaged', 'unsupported'] as const)('becomes an error with the code %s', (kind) => {
    const cause = new FormatError(kind, 'what was found');
    const error = asKexportError(cause, 'disk.img', 'what helps');
    expect(error).toBeInstanceOf(KexportError);
    const message = 'disk.img: what was found';
    expect(error).toMatchObject({ code: kind, message, hint: 'what helps', cause });
  });

  test('is the only error that is converted', () => {
    const bug = new TypeError('no such method');
    expect(asKexportError(bug, 'disk.img')).toBe(bug);
  });
});

describe('opening an image', () => {
  const change = (at: number, value: number) => (image: Buffer) => image.writeUInt32BE(value, at);

  test.each([
    ['qcow2', qcow2(), 'that is encrypted', 'unsupported', change(32, 2)],
    ['qcow2', qcow2(), 'of version 4', 'unsupported', change(4, 4)],
    ['qcow2', qcow2(), 'with an unknown feature', 'unsupported', change(76, 1 << 6)],
    ['qcow2', qcow2(), 'whose L1 table is outside of it', 'damaged', change(44, 0x7fff_0000)],
    ['vmdk', vmdk(), 'of version 9', 'unsupported', change(4, 0x0900_0000)],
    ['vmdk', vmdk(), 'with grains of 3 sectors', 'damaged', change(20, 0x0300_0000)],
    ['ova', ova(), 'with a broken tar header', 'damaged', change(0, 0x2020_2020)],
    ['vhd', vhdDynamic(), 'without a block allocation table', 'damaged', change(512 + 20, 0)],
  ] as const)('a %s %s %s is refused as %s', async (extension, format, what, code, edit) => {
    const image = Buffer.from((await writeImage(format, disk)).bytes);
    edit(image);
    const path = save(`${what}.${extension}`, image);
    await expect(openImageFile(path)).rejects.toMatchObject({ name: 'KexportError', code });
  });

  test('a disk that an OVA does not have is a wrong request, not damage', async () => {
    const path = save('machine.ova', (await writeImage(ova(), disk)).bytes);
    const opened = openImageFile(path, { ovaDisk: 'disk2' });
    await expect(opened).rejects.toMatchObject({ code: 'unsupported' });
  });
});

describe('verify', () => {
  const blocks = [{ diskOffset: 0, bytes: noise(512), compression: 17, length: 16_384 }];
  const newer = Buffer.concat([...makeSendStream({ volumeSize: MIB, blockSize: 16_384, blocks })]);

  test('exits with 3 for what cannot be read, though it may be sound', async () => {
    const encrypted = Buffer.from((await writeImage(qcow2(), disk)).bytes);
    encrypted.writeUInt32BE(2, 32);
    const image = kexport(['verify', save('encrypted.qcow2', encrypted)]);
    expect(image.stderr).toMatch(/encrypted \(LUKS\)/);
    expect(image.status).toBe(3);
    const stream = kexport(['verify', save('newer.zfs', newer)]);
    expect(stream.stderr).toMatch(/unknown compression 17/);
    expect(stream.status).toBe(3);
  });

  test('exits with 1 for what is damaged', async () => {
    const path = save('cut.qcow2', (await writeImage(qcow2(), disk)).bytes);
    const image = Buffer.from((await writeImage(qcow2(), disk)).bytes);
    image.fill(0xff, 65_536, 65_536 + 64); // compressed data
    const flipped = kexport(['verify', save('flipped.qcow2', image)]);
    expect(flipped.stdout).toMatch(/^error: /);
    expect(flipped.status).toBe(1);
    truncateSync(path, 65_536);
    expect(kexport(['verify', path]).status).toBe(3); // nothing of it can be opened
  });
});
