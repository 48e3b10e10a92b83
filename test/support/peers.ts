import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, isAbsolute, join } from 'node:path';
import { describe, test } from 'vitest';
import { temporaryFolder } from './folder.ts';

// With this setting a missing program fails the tests that compare with it. Without, they are
// skipped, and say so.
const required = process.env['KEXPORT_REQUIRE_PEERS'] === '1';

// Never required: virt-v2v brings a whole libguestfs with it, and img_cat reads by libvmdk, which
// has a test of its own. Nor are files: DMTF's schemas are not ours to ship.
const OPTIONAL = ['virt-v2v', 'img_cat'];

/** Debian's interpreter, which has the Python modules, whichever one comes first in PATH. */
export const PYTHON = '/usr/bin/python3';

const known = new Map<string, boolean>();

function has(peer: string): boolean {
  const found = known.get(peer) ?? isInstalled(peer);
  if (!found && !known.has(peer)) console.warn(`not installed, so not asked: ${peer}`);
  known.set(peer, found);
  return found;
}

function isInstalled(peer: string): boolean {
  const module = /^python3:(.+)$/.exec(peer)?.[1];
  if (module !== undefined) return spawnSync(PYTHON, ['-c', `import ${module}`]).status === 0;
  if (isAbsolute(peer)) return existsSync(peer);
  return spawnSync('sh', ['-c', `command -v "$1"`, 'sh', peer]).status === 0;
}

/** Whether a peer is missing; throws if it is required. */
function lacks(peers: readonly string[], name: string): boolean {
  const missing = peers.filter((peer) => !has(peer));
  if (missing.length === 0) return false;
  const isOptional = missing.some((peer) => isAbsolute(peer) || OPTIONAL.includes(peer));
  if (required && !isOptional) throw new Error(`"${name}" needs ${missing.join(', ')}`);
  return true;
}

function titleOf(peers: readonly string[], name: string): string {
  return `${name} (${peers.map((peer) => basename(peer)).join(', ')})`;
}

/** Tests that need peers: programs by name, Python modules as `python3:pyqcow`, files by path. */
export function describeWith(peers: readonly string[], name: string, tests: () => void): void {
  describe.skipIf(lacks(peers, name))(titleOf(peers, name), tests);
}

/** A single such test. */
export function testWith(
  peers: readonly string[],
  name: string,
  body: () => void | Promise<void>,
): void {
  test.skipIf(lacks(peers, name))(titleOf(peers, name), body);
}

/** Tests that need root, such as for loop devices and mounts. */
export function describeAsRoot(name: string, tests: () => void): void {
  const root = process.getuid?.() === 0;
  if (!root && required) throw new Error(`"${name}" needs root`);
  describe.skipIf(!root)(name, tests);
}

/** Runs a program and returns what it printed; throws with its stderr if it fails. */
export function run(program: string, ...args: string[]): string {
  return runIn('.', program, ...args);
}

/** Runs a program in a folder. */
export function runIn(cwd: string, program: string, ...args: string[]): string {
  return execFileSync(program, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Runs a program and returns the bytes that it printed. */
export function runForBytes(program: string, ...args: string[]): Buffer {
  return execFileSync(program, args, { maxBuffer: 2 ** 31, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The SHA-256 of a file, in hexadecimal, by sha256sum. */
export function sha256Of(path: string): string {
  return run('sha256sum', path).slice(0, 64);
}

/** Throws unless a program prints the bytes of a raw disk. */
export function compareOutput(disk: string, program: string, ...args: string[]): void {
  const line = 'set -o pipefail; disk=$1; shift; "$@" | cmp - "$disk"';
  run('bash', '-c', line, 'bash', disk, program, ...args);
}

export function runPython(script: string, ...args: string[]): string {
  return run(PYTHON, '-c', script, ...args);
}

// In one process: gigabytes of zeros take long through a pipe.
const COMPARE_BY_LIBYAL = `
import importlib, os, sys
name, path, disk = sys.argv[1:]
module = importlib.import_module(name)
image = module.handle() if name == 'pyvmdk' else module.file()
image.open(path)
if name == 'pyvmdk': image.open_extent_data_files()
size = os.path.getsize(disk)
if image.get_media_size() != size: sys.exit('has %d bytes' % image.get_media_size())
with open(disk, 'rb') as raw:
    while data := raw.read(1 << 20):
        if image.read_buffer(len(data)) != data: sys.exit('differs in the MiB before %d' % raw.tell())
`;

/** Throws unless one of libyal's libraries reads an image as exactly that raw disk. */
export function compareByLibyal(
  module: 'pyqcow' | 'pyvhdi' | 'pyvmdk',
  image: string,
  disk: string,
): void {
  runPython(COMPARE_BY_LIBYAL, module, image, disk);
}

/** Throws unless `qemu-img check` finds an image sound and without leaks. */
export function checkQcow2(image: string): void {
  run('qemu-img', 'check', '-f', 'qcow2', image);
}

/** Throws unless an image and a raw disk have the same size and the same bytes. */
export function compareWithRaw(format: string, image: string, disk: string): void {
  const answer = run('qemu-img', 'compare', '-f', format, '-F', 'raw', image, disk);
  // Where only zeros follow, another size is no more than a warning.
  if (answer !== 'Images are identical.\n') throw new Error(`${image}: ${answer}`);
  const info = run('qemu-img', 'info', '-f', format, '--output=json', image);
  const { 'virtual-size': found } = JSON.parse(info) as { 'virtual-size': number };
  const { size } = statSync(disk);
  if (found !== size) throw new Error(`${image} has ${found} bytes, the disk ${size}`);
}

/** QEMU's name of each format; an ova is unpacked for it. */
const DRIVERS = {
  qcow2: 'qcow2',
  raw: 'raw',
  vhd: 'vpc',
  'vhd-dynamic': 'vpc',
  vhdx: 'vhdx',
  vdi: 'vdi',
  vmdk: 'vmdk',
  ova: 'vmdk',
  vma: 'raw',
  containerdisk: 'qcow2',
  'vagrant-libvirt': 'qcow2',
  'vagrant-virtualbox': 'vmdk',
} as const;

/** Throws unless QEMU reads an image of one of our formats as exactly that raw disk. */
export function compareImage(format: keyof typeof DRIVERS, image: string, disk: string): void {
  const { [format]: diskIn = (path: string) => path } = WITHIN;
  compareWithRaw(DRIVERS[format], diskIn(image), disk);
}

/** Takes the disk out of an archive, into a file that QEMU reads. */
const WITHIN: Partial<Record<keyof typeof DRIVERS, (archive: string) => string>> = {
  ova: vmdkIn,
  'vagrant-virtualbox': vmdkIn,
  'vagrant-libvirt': (archive) => {
    const folder = temporaryFolder();
    run('tar', '-C', folder, '-xf', archive);
    return join(folder, 'box.img');
  },
  vma: (archive) => {
    const folder = temporaryFolder();
    readVma(archive, folder);
    return join(folder, 'drive-scsi0.raw');
  },
  containerdisk: (archive) => {
    const folder = temporaryFolder();
    const layer = run('tar', '-tf', archive).split('\n')[0] ?? 'no layer';
    run('bash', '-c', 'tar -xOf "$1" "$2" | tar -C "$3" -x', 'bash', archive, layer, folder);
    const [file = 'no disk'] = readdirSync(join(folder, 'disk'));
    return join(folder, 'disk', file);
  },
};

/** Writes the devices of a VMA into a folder as raw disks. Returns the files of its header. */
export function readVma(archive: string, folder: string): string {
  return run(PYTHON, join(import.meta.dirname, 'vma.py'), archive, folder);
}

function vmdkIn(ova: string): string {
  const folder = temporaryFolder();
  run('tar', '-C', folder, '-xf', ova);
  return join(folder, readdirSync(folder).find((name) => name.endsWith('.vmdk')) ?? 'no vmdk');
}

/** Throws unless each image that `kexport all --name x` makes in a folder is that raw disk. */
export function compareAll(folder: string, disk: string): void {
  for (const format of ['qcow2', 'raw', 'vhd', 'vmdk', 'ova'] as const) {
    compareImage(format, join(folder, `x.${format}`), disk);
  }
}
