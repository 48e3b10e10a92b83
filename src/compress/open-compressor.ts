import type { Encoding } from '../../formats/index.ts';
import type { Compressor, CompressorName } from './compressor.ts';

/** Opens a compressor, which holds up to 2 MiB. */
export async function openCompressor(
  encoding: Encoding,
  name: CompressorName,
): Promise<Compressor> {
  if (encoding.kind === 'zstd') return (await import('./zstd.ts')).zstdCompressor(encoding);
  if (name === 'wasm') return (await import('./deflate/index.ts')).deflateCompressor(encoding);
  if (name === 'zlib') return (await import('./zlib.ts')).zlibCompressor(encoding);
  return (await import('./pako.ts')).pakoCompressor(encoding);
}

/** The first that there is: WebAssembly is missing under `--jitless`, zlib from a Node built without it. */
export async function defaultCompressor(): Promise<CompressorName> {
  if ('WebAssembly' in globalThis) return 'wasm';
  return import('node:zlib').then(
    () => 'zlib',
    () => 'pako',
  );
}
