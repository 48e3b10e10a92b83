import { spawnSync } from 'node:child_process';

const required = process.env['KEXPORT_REQUIRE_PEERS'] === '1';

/** Whether a program of others is here to judge our images. Where all are required, a missing one fails its test. */
export function has(program: string): boolean {
  return required || spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}

/** The same for a module of Debian's Python. */
export function hasPython(module: string): boolean {
  return required || spawnSync('/usr/bin/python3', ['-c', `import ${module}`]).status === 0;
}
