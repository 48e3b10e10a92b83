import type { Encoding } from '../../formats/contract.ts'; // not the registry: workers load this
import { blockHash } from '../workers/block-hash.ts';
import { type SlabShape, slabsIn } from '../workers/slab.ts';
import type { CompressorName } from './compressor.ts';
import { openCompressor } from './open-compressor.ts';

/** Setup of a worker. */
export interface WorkerSetup {
  readonly memory: ArrayBufferLike;
  readonly shape: SlabShape;
  readonly encodings: readonly Encoding[];
  readonly compressor: CompressorName;
  /** Whether the blocks are hashed, too. */
  readonly hashes: boolean;
}

/** Blocks of one slab, by their index in it. What they are compressed to is in the slab. */
export interface WorkerTask {
  readonly slab: number;
  readonly blocks: readonly number[];
}

/**
 * Compresses blocks in place, as a worker does it. The answer is the `blockHash` of each, if that
 * is wanted.
 */
export async function compressSlabs(
  setup: WorkerSetup,
  open: typeof openCompressor = openCompressor,
): Promise<(task: WorkerTask) => readonly string[]> {
  const slabs = slabsIn(setup.memory, setup.shape);
  const compressors = await Promise.all(
    setup.encodings.map((encoding) => open(encoding, setup.compressor)),
  );
  return ({ slab: number, blocks }) => {
    const slab = slabs[number];
    if (!slab) throw new Error(`no slab ${number}`);
    for (const block of blocks) {
      compressors.forEach((compressor, encoding) => {
        const room = slab.compressedRoom(encoding, block);
        slab.setCompressedLength(encoding, block, compressor.compress(slab.block(block), room));
      });
    }
    return setup.hashes ? blocks.map((block) => blockHash(slab.block(block))) : [];
  };
}
