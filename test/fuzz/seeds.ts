// The images that fuzzing starts from: small, of every variant that our writers make, and of QEMU's where it is there.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FORMATS, type FormatName, ova } from '../../formats/index.ts';
import { type TestDisk, text, writeDisk } from '../support/disks.ts';
import { writeImage } from '../support/write-image.ts';

const MIB = 2 ** 20;

const DISK: TestDisk = {
  name: 'fuzz',
  size: 3 * MIB,
  pieces: [
    { offset: 0, bytes: text(70_000) },
    { offset: 2 * MIB, bytes: text(140_000, 2) },
  ],
};

const BY_QEMU: Partial<
  Record<FormatName, readonly (readonly [driver: string, options: string])[]>
> = {
  qcow2: [
    ['qcow2', 'compat=0.10'],
    ['qcow2', 'cluster_size=512'],
    ['qcow2', 'cluster_size=2M'],
    ['qcow2', 'extended_l2=on,cluster_size=128k'],
    ['qcow2', 'refcount_bits=1'],
    ['qcow2', 'lazy_refcounts=on,compression_type=zstd'],
  ],
  vhd: [['vpc', 'subformat=fixed']],
  'vhd-dynamic': [['vpc', 'subformat=dynamic']],
  vmdk: [
    ['vmdk', 'subformat=monolithicSparse'],
    ['vmdk', 'subformat=monolithicSparse,zeroed_grain=on'],
    ['vmdk', 'subformat=streamOptimized'],
    ['vmdk', 'subformat=monolithicFlat'], // its descriptor alone
  ],
};

/** Images of a format; the first is ours. */
export async function seedsOf(name: FormatName): Promise<Buffer[]> {
  await ova().prepare?.();
  return [writeImage(FORMATS[name](), DISK).bytes, ...byQemu(name)];
}

function byQemu(name: FormatName): Buffer[] {
  const folder = mkdtempSync(join(tmpdir(), 'kexport-fuzz-'));
  const disk = join(folder, 'disk');
  const image = join(folder, 'image');
  try {
    writeDisk(disk, DISK);
    return (BY_QEMU[name] ?? []).flatMap(([driver, options]) => {
      const packed = driver === 'qcow2' ? [[], ['-c']] : [[]];
      return packed.map((flags) => {
        execFileSync('qemu-img', ['convert', ...flags, '-O', driver, '-o', options, disk, image]);
        return readFileSync(image);
      });
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
