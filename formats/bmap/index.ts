// A block map of a disk image, as bmaptool reads it: which of its blocks to write, and the SHA-256
// of each run of them. Version 2.0, as in bmaptool's BmapCreate.py. What is not mapped is not
// written, so that a device keeps there what it had: zeros that the disk counts on are mapped.

import { create } from 'xmlbuilder2';
import type { Hasher } from '../contract.ts';
import { zeroRuns } from './zero-runs.ts';

/** The unit of the map, in bytes. */
const BLOCK = 4096;

/** Where the digest of the file itself stands while that is computed, the first such in it. */
const PLACEHOLDER = '0'.repeat(64);

/** A block map that is being made. */
export interface BlockMap {
  /** Adds bytes of the disk, also zeros. Offsets ascend, and are multiples of BLOCK_SIZE. */
  add(diskOffset: number, bytes: Uint8Array): void;
  /** Ends the map, and encodes it in UTF-8. `diskSize` is in bytes. */
  finish(diskSize: number): Uint8Array;
}

/** Options of {@link blockMap}. */
export interface BlockMapOptions {
  /** Whether what is not added has never been written; else it is zeros, and is mapped. */
  readonly hasUnallocated: boolean;
  readonly hasher: (algorithm: 'sha256') => Hasher;
}

/** A run of blocks, counted in BLOCK; the last is part of it. */
interface Range {
  readonly first: number;
  readonly last: number;
  readonly checksum: string;
}

/** Starts a block map. Its memory grows with the number of runs, not with their lengths. */
export function blockMap({ hasUnallocated, hasher }: BlockMapOptions): BlockMap {
  const ranges: Range[] = [];
  const runsOfZeros = zeroRuns(BLOCK, () => hasher('sha256'));
  let run: { readonly start: number; readonly hash: Hasher } | undefined;
  let end = 0; // of what was added, in bytes

  return {
    add(diskOffset, bytes) {
      if (diskOffset !== end) skipTo(diskOffset);
      run ??= { start: diskOffset, hash: hasher('sha256') };
      run.hash.update(bytes);
      end = diskOffset + bytes.length;
    },
    finish(diskSize) {
      // A disk may end within a sector, which the image has as a whole.
      const rest = Math.min(diskSize - end, BLOCK - (end % BLOCK));
      if (run && end % BLOCK !== 0 && rest > 0) {
        run.hash.update(new Uint8Array(rest));
        end += rest;
      }
      if (end < diskSize) skipTo(diskSize);
      endRun();
      return encode(ranges, diskSize, hasher);
    },
  };

  function skipTo(diskOffset: number): void {
    endRun();
    if (!hasUnallocated) {
      for (const { length, checksum } of runsOfZeros(diskOffset - end)) {
        ranges.push(rangeOf(end, end + length, checksum));
        end += length;
      }
    }
    end = diskOffset;
  }

  function endRun(): void {
    if (run) ranges.push(rangeOf(run.start, end, run.hash.digest()));
    run = undefined;
  }
}

function rangeOf(start: number, end: number, checksum: string): Range {
  return { first: start / BLOCK, last: Math.ceil(end / BLOCK) - 1, checksum };
}

function encode(
  ranges: readonly Range[],
  diskSize: number,
  hasher: BlockMapOptions['hasher'],
): Uint8Array {
  const mapped = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const document = create(
    { version: '1.0' },
    {
      bmap: {
        '@version': '2.0',
        ImageSize: diskSize,
        BlockSize: BLOCK,
        BlocksCount: Math.ceil(diskSize / BLOCK),
        MappedBlocksCount: mapped,
        ChecksumType: 'sha256',
        BmapFileChecksum: PLACEHOLDER,
        BlockMap: {
          Range: ranges.map(({ first, last, checksum }) => ({
            '@chksum': checksum,
            '#': first === last ? String(first) : `${first}-${last}`,
          })),
        },
      },
    },
  );
  const text = `${document.end({ prettyPrint: true })}\n`;
  const hash = hasher('sha256');
  hash.update(new TextEncoder().encode(text));
  return new TextEncoder().encode(text.replace(PLACEHOLDER, hash.digest()));
}
