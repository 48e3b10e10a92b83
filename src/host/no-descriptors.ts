// `#descriptors` for a browser, where a program has no descriptors: what it reads is a Blob or the
// answer of a server.

import type { SystemFile } from '../runtime/host.ts';

/** Throws an Error. */
export function systemFile(fd: number): SystemFile {
  throw noDescriptor(fd);
}

/** Throws an Error. */
export function closeFile(fd: number): Promise<void> {
  throw noDescriptor(fd);
}

/** Throws an Error. */
export function readFullySync(fd: number): void {
  throw noDescriptor(fd);
}

function noDescriptor(fd: number): Error {
  return new Error(`a browser has no descriptor ${fd}`);
}
