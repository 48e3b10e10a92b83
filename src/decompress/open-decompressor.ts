// Not from the registry of formats: workers load this file.
import type { CompressionKind } from '../../formats/contract.ts';
import type { Decompressor } from './decompressor.ts';
import { inflater } from './inflate.ts';
import { decompressZstd } from './zstd.ts';

/**
 * Returns a decompressor for each kind of stream, made when it is first needed. Each call of this
 * has decompressors of its own.
 */
export function decompressors(): (kind: CompressionKind) => Decompressor {
  const made = new Map<CompressionKind, Decompressor>();
  return (kind) => {
    const decompress = made.get(kind) ?? make(kind);
    made.set(kind, decompress);
    return decompress;
  };
}

function make(kind: CompressionKind): Decompressor {
  return kind === 'zstd' ? decompressZstd : inflater(kind);
}
