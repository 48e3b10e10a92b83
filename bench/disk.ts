import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const SOURCE = '/usr';

/**
 * A disk such as a small server has: ext4, two and a half times the size of its files, which are a sample of this
 * machine's own /usr of about `dataSize` bytes. Made once and kept in the temporary folder.
 */
export function realisticDisk(dataSize: number): string {
  const folder = join(tmpdir(), 'kexport-bench');
  const disk = join(folder, `disk-${dataSize}.img`);
  if (existsSync(disk)) return disk;
  const staging = join(folder, 'staging');
  rmSync(staging, { recursive: true, force: true });
  copySample(staging, dataSize);
  const size = Math.ceil((2.5 * dataSize) / 2 ** 20);
  execFileSync('mkfs.ext4', ['-q', '-F', '-d', staging, `${disk}.new`, `${size}M`]);
  rmSync(staging, { recursive: true });
  execFileSync('mv', [`${disk}.new`, disk]);
  return disk;
}

/** Copies every n-th file, so that the sample is as mixed as the whole. */
function copySample(target: string, wanted: number): void {
  const list = execFileSync('find', [SOURCE, '-xdev', '-type', 'f', '-printf', '%s %P\\n'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  const files = list
    .trimEnd()
    .split('\n')
    .map((line) => ({ size: parseInt(line), path: line.slice(line.indexOf(' ') + 1) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const total = files.reduce((sum, { size }) => sum + size, 0);
  const step = Math.max(1, total / wanted);
  let copied = 0;
  for (let i = 0; i < files.length && copied < wanted; i += step) {
    const file = files[Math.floor(i)];
    if (!file) continue;
    const path = join(target, file.path);
    mkdirSync(dirname(path), { recursive: true });
    copyFileSync(join(SOURCE, file.path), path);
    copied += file.size;
  }
}
