import { host } from '#host';
import type { BlockMap } from '../../formats/bmap/index.ts';
import type { Sink } from '../sinks/sink.ts';
import type { Source } from '../sources/source.ts';

/** Starts the block map of a disk. Imports it on demand: loading the XML library takes long. */
export async function openBlockMap({ gaps }: Source): Promise<BlockMap> {
  const { blockMap } = await import('../../formats/bmap/index.ts');
  return blockMap({ hasUnallocated: gaps === 'unallocated', hasher: host.hasher });
}

/** Writes a whole block map; it does not have its name yet. */
export async function writeBlockMap(
  sink: Sink,
  bytes: Uint8Array = new Uint8Array(),
  signal: AbortSignal,
): Promise<void> {
  await sink.write(0, [bytes], signal);
  await sink.finish(bytes.length, signal);
}
