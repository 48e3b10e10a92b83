// The sample images in QEMU's source package, tests/qemu-iotests/sample_images and tests/data: made
// by Hyper-V, Virtual PC, Disk2vhd and VMware, and by a fuzzer.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A sample, and how kexport takes it: as the disk that QEMU reads, or not at all. */
export interface Sample {
  readonly file: string;
  /** QEMU's name of the format. */
  readonly driver: string;
  /** What is said of an image that is refused. */
  readonly says?: RegExp;
}

const refused = (file: string, says: RegExp): Sample => ({ file, driver: '', says });

export const SAMPLES: readonly Sample[] = [
  { file: 'hyperv2012r2-dynamic.vhd', driver: 'vpc' },
  { file: 'virtualpc-dynamic.vhd', driver: 'vpc' },
  { file: 'd2v-zerofilled.vhd', driver: 'vpc' },
  { file: 'iotest-dirtylog-10G-4M.vhdx', driver: 'vhdx' },
  { file: 'iotest-dynamic-1G.vhdx', driver: 'vhdx' },
  { file: 'test-disk2vhd.vhdx', driver: 'vhdx' },
  { file: 'iotest-version3.vmdk', driver: 'vmdk' },
  ...['aarch64', 'arm', 'i386', 'x86_64'].map((machine) => ({
    file: `bios-tables-test.${machine}.iso.qcow2`,
    driver: 'qcow2',
  })),
  refused('afl5.img', /begins like a vhd-dynamic image/),
  refused('afl9.vmdk', /the newline test failed/),
  refused('parallels-v1', /a Parallels image/),
  refused('parallels-v2', /a Parallels image/),
  refused('parallels-with-bitmap', /a Parallels image/),
  refused('empty.bochs', /a Bochs image/),
  refused('simple-pattern.cloop', /a cloop image/),
  refused('simple-dmg.dmg', /a disk image of macOS/),
];

/** Where Debian's sources are, beside its packages: `deb-src` for what apt has as `deb`. */
function sourceLists(): string {
  const folder = '/etc/apt/sources.list.d';
  const files = readdirSync(folder).filter((name) => name.endsWith('.sources'));
  const texts = files.map((name) => readFileSync(join(folder, name), 'utf8'));
  return texts.join('\n\n').replace(/^Types:.*$/gm, 'Types: deb-src');
}

/** Fetches QEMU's source package into a folder, and unpacks its samples there. */
export function unpackSamples(folder: string): void {
  for (const each of ['parts', 'lists/partial']) {
    mkdirSync(join(folder, each), { recursive: true });
  }
  writeFileSync(join(folder, 'parts', 'sources.sources'), sourceLists());
  const settings = {
    'Dir::Etc::sourcelist': '/dev/null',
    'Dir::Etc::sourceparts': join(folder, 'parts'),
    'Dir::State::lists': join(folder, 'lists'),
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const apt = (...words: string[]) =>
    execFileSync('apt-get', ['-qq', ...options, ...words], { cwd: folder, stdio: 'ignore' });
  apt('update');
  apt('source', '--download-only', 'qemu');
  const script = `tar -xf qemu_*.orig.tar.* --wildcards '*/sample_images/*.bz2' '*/uefi-boot-images/*.qcow2'
    find . -name '*.bz2' -o -name '*.iso.qcow2' | xargs -I{} mv {} .
    bunzip2 *.bz2`;
  execFileSync('bash', ['-euc', script], { cwd: folder });
}
