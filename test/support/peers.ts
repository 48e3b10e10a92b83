import { execFileSync, spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { describe } from 'vitest';

// Under this setting a missing program fails the tests that compare with it, which otherwise say that they skip.
const required = process.env['KEXPORT_REQUIRE_PEERS'] === '1';

/** Python modules live with Debian's interpreter, whichever one comes first in PATH. */
const PYTHON = '/usr/bin/python3';

function has(peer: string): boolean {
  const module = /^python3:(.+)$/.exec(peer)?.[1];
  if (module !== undefined) return spawnSync(PYTHON, ['-c', `import ${module}`]).status === 0;
  return spawnSync('sh', ['-c', `command -v "$1"`, 'sh', peer]).status === 0;
}

/** Tests that need programs of others, by name, or their Python modules, as `python3:pyqcow`. */
export function describeWith(peers: readonly string[], name: string, tests: () => void): void {
  const missing = peers.filter((peer) => !has(peer));
  if (missing.length > 0 && required) throw new Error(`not installed: ${missing.join(', ')}`);
  describe.skipIf(missing.length > 0)(`${name} (${peers.join(', ')})`, tests);
}

/** Tests that need root, as for loop devices and mounts. */
export function describeAsRoot(name: string, tests: () => void): void {
  const root = process.getuid?.() === 0;
  if (!root && required) throw new Error(`"${name}" needs root`);
  describe.skipIf(!root)(name, tests);
}

/** Runs a program and returns what it printed; throws with its stderr if it fails. */
export function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Runs a program whose output are the bytes asked for. */
export function runForBytes(program: string, ...args: string[]): Buffer {
  return execFileSync(program, args, { maxBuffer: 2 ** 31, stdio: ['ignore', 'pipe', 'pipe'] });
}

export function runPython(script: string, ...args: string[]): string {
  return run(PYTHON, '-c', script, ...args);
}

/** qemu-img check, which exits with an error for a broken image and with 3 for leaks. */
export function checkQcow2(image: string): void {
  run('qemu-img', 'check', '-f', 'qcow2', image);
}

/** Throws unless an image and a raw disk have the same size and the same bytes. */
export function compareWithRaw(format: string, image: string, disk: string): void {
  run('qemu-img', 'compare', '-f', format, '-F', 'raw', image, disk);
  // By itself, compare lets zeros at the end pass.
  const info = run('qemu-img', 'info', '-f', format, '--output=json', image);
  const { 'virtual-size': found } = JSON.parse(info) as { 'virtual-size': number };
  const { size } = statSync(disk);
  if (found !== size) throw new Error(`${image} has ${found} bytes, the disk ${size}`);
}
