import type { CompressionKind } from '../../formats/contract.ts'; // not the registry: workers load this
import type { Decompressor } from './decompressor.ts';
import { decompressZstd } from './zstd.ts';
import { inflater } from './inflate.ts';

/**
 * One decompressor for each kind of stream, with state of its own, made when it is first needed.
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
