import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { basename, isAbsolute } from 'node:path';
import { describe, test } from 'vitest';

// Under this setting a missing program fails the tests that compare with it, which otherwise say that they skip.
const required = process.env['KEXPORT_REQUIRE_PEERS'] === '1';

// Never required, because they are optional: virt-v2v brings a whole libguestfs, img_cat reads by a libvmdk that is
// asked by itself already. So are files, as DMTF's schemas are not ours to ship.
const OPTIONAL = ['virt-v2v', 'img_cat'];

/** Python modules live with Debian's interpreter, whichever one comes first in PATH. */
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

/** Tests that need programs of others, by name, their Python modules, as `python3:pyqcow`, or files, by their path. */
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

/** Tests that need root, as for loop devices and mounts. */
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

/** Runs a program whose output are the bytes asked for. */
export function runForBytes(program: string, ...args: string[]): Buffer {
  return execFileSync(program, args, { maxBuffer: 2 ** 31, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Throws unless a program puts the bytes of a raw disk on its standard output. */
export function compareOutput(disk: string, program: string, ...args: string[]): void {
  const line = 'set -o pipefail; disk=$1; shift; "$@" | cmp - "$disk"';
  run('bash', '-c', line, 'bash', disk, program, ...args);
}

export function runPython(script: string, ...args: string[]): string {
  return run(PYTHON, '-c', script, ...args);
}

// In one process, as gigabytes of zeros take long through a pipe.
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

/** Throws unless one of libyal's libraries reads an image as that raw disk, and no more. */
export function compareByLibyal(
  module: 'pyqcow' | 'pyvhdi' | 'pyvmdk',
  image: string,
  disk: string,
): void {
  runPython(COMPARE_BY_LIBYAL, module, image, disk);
}

/** qemu-img check, which exits with an error for a broken image and with 3 for leaks. */
export function checkQcow2(image: string): void {
  run('qemu-img', 'check', '-f', 'qcow2', image);
}

/** Throws unless an image and a raw disk have the same size and the same bytes. */
export function compareWithRaw(format: string, image: string, disk: string): void {
  const answer = run('qemu-img', 'compare', '-f', format, '-F', 'raw', image, disk);
  // Another size would be a warning if only zeros follow.
  if (answer !== 'Images are identical.\n') throw new Error(`${image}: ${answer}`);
  const info = run('qemu-img', 'info', '-f', format, '--output=json', image);
  const { 'virtual-size': found } = JSON.parse(info) as { 'virtual-size': number };
  const { size } = statSync(disk);
  if (found !== size) throw new Error(`${image} has ${found} bytes, the disk ${size}`);
}
