import { fletcher4, type SendStreamOptions } from '../../formats/zfs-send/index.ts';
import { inflater } from '../decompress/inflate.ts';
import { decompressZstd } from '../decompress/zstd.ts';
import { hasWebAssembly } from '../workers/wasm.ts';
import { fastParts } from './wasm.ts';

/**
 * Checksum and decompressors for one send stream. The checksum and LZ4 are WebAssembly where the
 * platform has it, else JavaScript.
 */
export async function streamTools(): Promise<
  Pick<SendStreamOptions, 'checksum' | 'decompressors'>
> {
  const decompressors = { inflate: inflater('zlib'), zstd: decompressZstd };
  if (!hasWebAssembly()) return { checksum: fletcher4(), decompressors };
  const { checksum, lz4 } = await fastParts();
  return { checksum, decompressors: { ...decompressors, lz4 } };
}
