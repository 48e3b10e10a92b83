import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const SOURCE = '/usr';

const FOLDER = join(tmpdir(), 'kexport-bench');

/** Disks to export, each made once and kept in the temporary folder. */
export interface Disks {
  /** As of a small server: two and a half times the size of its files. */
  readonly usual: string;
  /** Nine tenths were never written. */
  readonly sparse: string;
  /** Random bytes. */
  readonly noise: string;
  /** Gigabytes, of which 256 MiB were written. */
  readonly empty: string;
}

/** `dataSize` is that of the files on the usual disk in bytes; the others take less. */
export function makeDisks(dataSize: number): Disks {
  mkdirSync(FOLDER, { recursive: true });
  return {
    usual: realisticDisk(dataSize, 2.5),
    sparse: realisticDisk(dataSize / 4, 10),
    noise: noiseDisk(dataSize / 2),
    empty: realisticDisk(2 ** 28, dataSize < 2 ** 30 ? 32 : 128),
  };
}

/** An ext4 with `times` copies of a sample of this machine's /usr, of about `dataSize` bytes. */
function realisticDisk(dataSize: number, times: number): string {
  const disk = join(FOLDER, `disk-${dataSize}-${times}.img`);
  if (existsSync(disk)) return disk;
  const staging = join(FOLDER, 'staging');
  rmSync(staging, { recursive: true, force: true });
  copySample(staging, dataSize);
  const size = Math.ceil((times * dataSize) / 2 ** 20);
  execFileSync('mkfs.ext4', ['-q', '-F', '-d', staging, `${disk}.new`, `${size}M`]);
  rmSync(staging, { recursive: true });
  execFileSync('mv', [`${disk}.new`, disk]);
  return disk;
}

function noiseDisk(size: number): string {
  const disk = join(FOLDER, `noise-${size}.img`);
  if (!existsSync(disk)) {
    execFileSync('sh', ['-c', `head -c ${size} /dev/urandom > "$0.new" && mv "$0.new" "$0"`, disk]);
  }
  return disk;
}

/** Copies files in the order of a hash of their paths: a sample as mixed as the whole. */
function copySample(target: string, wanted: number): void {
  const list = execFileSync('find', [SOURCE, '-xdev', '-type', 'f', '-printf', '%s %P\\n'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  const files = list
    .trimEnd()
    .split('\n')
    .map((line) => ({ size: parseInt(line), path: line.slice(line.indexOf(' ') + 1) }))
    .map((file) => ({ ...file, order: createHash('sha1').update(file.path).digest('hex') }))
    .sort((a, b) => (a.order < b.order ? -1 : 1));
  let left = wanted;
  for (const { size, path } of files) {
    if (size > left) continue; // also what is larger than the sample
    const copy = join(target, path);
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(join(SOURCE, path), copy);
    left -= size;
  }
}
