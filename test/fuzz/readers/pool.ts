import { FormatError } from '../../../formats/errors.ts';
import { openPoolSpace } from '../../../formats/zfs/free-space.ts';
import type { PoolMedia } from '../../../formats/zfs/pool-blocks.ts';
import { inflater } from '../../../src/decompress/inflate.ts';
import { decompressZstd } from '../../../src/decompress/zstd.ts';
import { fletcher4 } from '../../../formats/zfs-send/index.ts';
import { type FlatPool, flatPoolOf } from '../seeds/flat-pool.ts';
import type { Seed } from '../target.ts';

const decompressors = { inflate: inflater('zlib'), zstd: decompressZstd };

/** Smallest blocks in memory at once, fewer than a disk in use has. */
const UNITS_AT_ONCE = 2 ** 18;

/** Reads the free space of a pool, as the export of a disk in use does. */
export async function readPool(image: Buffer, { name }: Seed): Promise<void> {
  const pool = flatPoolOf(name);
  const tools = { checksum: fletcher4(), decompressors, media: mediaOf(image, pool) };
  const values = { ...pool.uberblock.values, rootBlockPointer: image.subarray(-128) };
  if (image.length < 128) throw new FormatError('damaged', 'no pointer');
  const space = await openPoolSpace(
    { ...pool.uberblock, values },
    pool.vdevs,
    tools,
    UNITS_AT_ONCE,
  );
  for (const vdev of pool.vdevs) {
    let last = 0;
    await space.eachFree(vdev, (start, end) => {
      if (start < last || end <= start || end > vdev.size) throw new Error(`${start} to ${end}`);
      last = end;
    });
  }
}

function mediaOf(image: Buffer, { places, vdevs }: FlatPool): PoolMedia {
  return {
    ways(vdev, { offset, length }) {
      if (!vdevs.some(({ id }) => id === vdev)) return [];
      const at = places.get(`${vdev} ${offset}`);
      if (at !== undefined && at + length <= image.length) {
        return [() => Promise.resolve(new Uint8Array(image.subarray(at, at + length)))];
      }
      const error = new FormatError('damaged', `byte ${offset} is not on the device`);
      return [() => Promise.reject(error)];
    },
  };
}
