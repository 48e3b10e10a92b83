import type { Encoding } from '../../formats/index.ts';
import { KexportError } from '../errors.ts';

/** Who compresses: Node's own zlib, or pako, which is JavaScript alone and some four times slower. */
export type CompressorName = 'zlib' | 'pako';

/** Compresses block after block with one state, allocated once. */
export interface Compressor {
  /** Puts the encoded input at the start of `output`, which must have room for it; returns its length. */
  compress(input: Uint8Array, output: Uint8Array): number;
}

/**
 * The most that a block may grow by, in bytes. Deflate at its worst, stored blocks of 8 KiB, adds 5
 * bytes to each; VMDK readers allow a grain 500 (open-vmdk and VirtualBox: 66,036 in all).
 */
export const PACKED_SLACK = 4096;

/** Opens a compressor; `name` undefined means zlib where Node has it. */
export async function openCompressor(
  encoding: Encoding,
  name: CompressorName,
): Promise<Compressor> {
  if (name === 'pako') return (await import('./pako.ts')).pakoCompressor(encoding);
  return (await import('./zlib.ts')).zlibCompressor(encoding);
}

/** The compressor to use where the caller does not care: zlib, unless this Node was built without it. */
export async function defaultCompressor(): Promise<CompressorName> {
  try {
    await import('node:zlib');
    return 'zlib';
  } catch {
    return 'pako';
  }
}

/** Checks a compressor's name as a person typed it. */
export function compressorNamed(name: string): CompressorName {
  if (name === 'zlib' || name === 'pako') return name;
  throw new KexportError('usage', `unknown compressor "${name}"`, { hint: 'zlib or pako' });
}
