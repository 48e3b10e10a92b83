// Large sparse disks with data in their first and last block, as the formats that only a whole read
// can check: minutes of work, so not a part of `npm test`. Usage: npm run large [GIB]...

import { execFileSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  encode,
  fileSink,
  type Format,
  gce,
  openSource,
  rawGz,
  rawZst,
  vdi,
  vhdx,
} from '../../src/index.ts';
import { noise } from '../support/disks.ts';
import { HAS_ZSTD } from '../support/zstd.ts';

const GIB = 2 ** 30;
const BLOCK = 65_536;
const SIZES = [130, 3 * 1024];

/** From here on, what decompresses all of an image would take an hour. */
const MAX_DECOMPRESSED = 130 * GIB;

interface LargeCheck {
  readonly format: Format;
  /** Whether it reads all of the disk, zeros too. */
  readonly isWhole: boolean;
  /** Throws unless the image is sound and has that disk. */
  check(image: string, disk: string): void;
}

const CHECKS: readonly LargeCheck[] = [
  // QEMU does not say where a vhdx has no data.
  { format: vhdx(), isWhole: true, check: checkByQemu('vhdx') },
  { format: vdi(), isWhole: false, check: checkByQemu('vdi') },
  { format: rawGz(), isWhole: true, check: compareWith('gzip -dc "$0"') },
  { format: gce(), isWhole: true, check: compareWith('tar -xzOf "$0" disk.raw') },
  { format: rawZst(), isWhole: true, check: compareWith('zstd -dc "$0"') },
];

function checkByQemu(driver: string): LargeCheck['check'] {
  return (image, disk) => {
    run('qemu-img', 'check', '-f', driver, image);
    run('qemu-img', 'compare', '-f', driver, '-F', 'raw', image, disk);
  };
}

/** Compares the disk with what a line of bash prints, whose `$0` is the image. */
function compareWith(line: string): LargeCheck['check'] {
  return (image, disk) => run('bash', '-o', 'pipefail', '-c', `${line} | cmp - "$1"`, image, disk);
}

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

function makeDisk(path: string, size: number): void {
  const fd = openSync(path, 'w');
  ftruncateSync(fd, size);
  writeSync(fd, noise(BLOCK, 1), 0, BLOCK, 0);
  writeSync(fd, noise(BLOCK, 2), 0, BLOCK, size - BLOCK);
  closeSync(fd);
}

async function checkAll(folder: string, gib: number): Promise<void> {
  const disk = join(folder, 'disk');
  makeDisk(disk, gib * GIB);
  for (const one of CHECKS) {
    const { format } = one;
    if (one.isWhole && gib * GIB > MAX_DECOMPRESSED) continue;
    if (format.name === 'raw.zst' && !HAS_ZSTD) continue;
    const image = join(folder, `image.${format.extension}`);
    const started = performance.now();
    const sink = await fileSink(image, { force: true });
    await encode(await openSource(disk), [{ format, sink }]);
    const made = performance.now();
    one.check(image, disk);
    const seconds = (from: number, to: number) => ((to - from) / 1000).toFixed(1);
    const times = `made in ${seconds(started, made)} s, checked in ${seconds(made, performance.now())} s`;
    console.log(`${gib} GiB ${format.name}: ${statSync(image).size} bytes, ${times}`);
    rmSync(image);
  }
}

const folder = mkdtempSync(join(tmpdir(), 'kexport-large-'));
try {
  const given = process.argv.slice(2).map(Number);
  for (const gib of given.length > 0 ? given : SIZES) await checkAll(folder, gib);
} finally {
  rmSync(folder, { recursive: true });
}
