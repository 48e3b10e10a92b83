import { host } from '#host';
import type { Encoding } from '../../formats/index.ts';
import { hasWebAssembly } from '../workers/wasm.ts';
import type { Compressor, CompressorName } from './compressor.ts';
import { hasZstd, zstdCompressor } from './zstd.ts';

/** Opens a compressor, which holds about 2 MiB. */
export async function openCompressor(
  encoding: Encoding,
  name: CompressorName,
): Promise<Compressor> {
  if (encoding.kind === 'zlib' && name === 'wasm') {
    return (await import('./deflate/index.ts')).deflateCompressor(encoding);
  }
  if (encoding.kind === 'zlib' && name === 'pako') {
    return (await import('./pako.ts')).pakoCompressor(encoding);
  }
  const zlib = host.zlib();
  if (!zlib) throw new Error(`${host.name} has no zlib`);
  if (encoding.kind === 'zlib') return (await import('./zlib.ts')).zlibCompressor(zlib, encoding);
  if (!hasZstd(zlib)) throw new Error(`${host.name} has no zstd`);
  return zstdCompressor(zlib, encoding);
}

/**
 * The first compressor that is available: WebAssembly is missing under `--jitless`, zlib in a Node
 * that was built without it.
 */
export function defaultCompressor(): CompressorName {
  if (hasWebAssembly()) return 'wasm';
  return host.zlib() ? 'zlib' : 'pako';
}
