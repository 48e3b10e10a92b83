// dRAID: groups of rows of 16 MiB, which go round the devices less the spare ones; a group may wrap
// to the next row. After some groups the devices are permuted. A stripe fills a row of its group.
//   offset -> group -> permutation, row, first column -> devices
// Sources: OpenZFS, module/zfs/vdev_draid.c (vdev_draid_logical_to_physical,
// vdev_draid_map_alloc_row), sys/vdev_draid.h.

import { draidPermutations, permutationCount } from './draid-permutations.ts';
import { columnHeights, type Stripe, type VdevLayout } from './vdev-layout.ts';

/** The shape of a dRAID vdev. */
export interface DraidShape {
  readonly deviceCount: number;
  readonly parity: number;
  /** Data columns of a group. */
  readonly data: number;
  /** Devices' worth of space that is kept for spares. */
  readonly spares: number;
  /** Groups until the devices are permuted. */
  readonly groups: number;
  /** Base-2 logarithm of the size of a sector. */
  readonly ashift: number;
}

const ROW_HEIGHT = 2 ** 24; // VDEV_DRAID_ROWHEIGHT
const RESERVE = 2 * ROW_HEIGHT; // VDEV_DRAID_REFLOW_RESERVE, at the end of each device

export function draidLayout({
  deviceCount,
  parity,
  data,
  spares,
  groups,
  ashift,
}: DraidShape): VdevLayout {
  const unit = 2 ** ashift;
  const width = data + parity;
  const groupSize = width * ROW_HEIGHT;
  const columnCount = deviceCount - spares;
  const permutations = draidPermutations(deviceCount);

  return {
    deviceCount,
    alignment: width * unit,
    sizeWith(deviceSize) {
      const rows = Math.floor((deviceSize - RESERVE) / ROW_HEIGHT);
      return Math.max(0, Math.floor((rows * columnCount) / width) * groupSize);
    },
    copies({ offset, length }) {
      const sectors = Math.ceil(length / unit);
      const groupEnd = (Math.floor(offset / groupSize) + 1) * groupSize;
      const inGroup = Math.min(sectors, ((groupEnd - offset) / (width * unit)) * data);
      const stripes = [stripeAt(offset, inGroup)];
      if (inGroup < sectors) stripes.push(stripeAt(groupEnd, sectors - inGroup));
      return [stripes];
    },
    spread(start, end, onPart) {
      for (let at = start; at < end;) {
        const group = Math.floor(at / groupSize);
        const to = Math.min(end, (group + 1) * groupSize);
        const first = Math.ceil((at - group * groupSize) / (width * unit)) * unit;
        const last = Math.floor((to - group * groupSize) / (width * unit)) * unit;
        for (let column = 0; column < width && first < last; column++) {
          const { device, offset } = placeOf(group, column);
          onPart(device, offset + first, offset + last);
        }
        at = to;
      }
    },
  };

  function stripeAt(offset: number, sectors: number): Stripe {
    const group = Math.floor(offset / groupSize);
    const row = ((offset - group * groupSize) / (width * unit)) * unit;
    const columns = columnHeights(sectors, width, parity).map((height, column) => {
      const place = placeOf(group, column);
      return [{ device: place.device, offset: place.offset + row, length: height * unit }];
    });
    return { parity: columns[0], data: columns.slice(parity) };
  }

  /** Where a column of a group begins. */
  function placeOf(group: number, column: number): { device: number; offset: number } {
    const cell = (group % groups) * width + column;
    const slice = Math.floor(group / groups);
    const row = (slice * groups * width) / columnCount + Math.floor(cell / columnCount);
    const index = slice % (permutationCount(deviceCount) * deviceCount);
    const base = Math.floor(index / deviceCount) * deviceCount;
    const permuted = permutations[base + (cell % columnCount)] ?? 0;
    return { device: (permuted + (index % deviceCount)) % deviceCount, offset: row * ROW_HEIGHT };
  }
}
