// RAID-Z: the sectors of a vdev go round its devices, sector n on device n modulo their number. A
// block begins at any sector, and its stripe is as wide as the vdev was when it was written: an
// expansion moves every sector to its new place, and changes no stripe. Sources: OpenZFS,
// module/zfs/vdev_raidz.c (vdev_raidz_map_alloc, vdev_raidz_map_alloc_expanded).

import { columnHeights, type Column, type DevicePiece, type VdevLayout } from './vdev-layout.ts';

/** The shape of a RAID-Z vdev. */
export interface RaidzShape {
  readonly deviceCount: number;
  readonly parity: number;
  /** Base-2 logarithm of the size of a sector. */
  readonly ashift: number;
  /** The transaction groups since which stripes are one device wider, ascending. */
  readonly expansions: readonly bigint[];
}

/** Of RAID-Z with one parity, each second MiB has its first two columns swapped. */
const SWAP_SIZE = 2 ** 20;

export function raidzLayout({ deviceCount, parity, ashift, expansions }: RaidzShape): VdevLayout {
  const unit = 2 ** ashift;

  return {
    deviceCount,
    alignment: 1,
    sizeWith: (deviceSize) => deviceSize * deviceCount,
    copies({ offset, length, birth }) {
      const width = widthAt(birth);
      const heights = columnHeights(Math.ceil(length / unit), width, parity);
      const columns = heights.map((height, column) =>
        columnAt(offset / unit + column, height, width),
      );
      const [first, second] = columns;
      const isSwapped = parity === 1 && Math.floor(offset / SWAP_SIZE) % 2 === 1;
      if (isSwapped && first && second) columns.splice(0, 2, second, first);
      return [[{ parity: columns[0], data: columns.slice(parity) }]];
    },
    spread(start, end, onPart) {
      const rowsBefore = (sector: number, device: number) =>
        Math.max(0, Math.ceil((sector - device) / deviceCount));
      for (let device = 0; device < deviceCount; device++) {
        const first = rowsBefore(start / unit, device);
        const last = rowsBefore(end / unit, device);
        if (first < last) onPart(device, first * unit, last * unit);
      }
    },
  };

  function widthAt(birth: bigint): number {
    return deviceCount - expansions.filter((txg) => txg > birth).length;
  }

  /** `height` sectors, from that of the vdev on, each `width` after the one before. */
  function columnAt(sector: number, height: number, width: number): Column {
    if (width === deviceCount) return [pieceAt(sector, height)];
    return Array.from({ length: height }, (_, row) => pieceAt(sector + row * width, 1));
  }

  function pieceAt(sector: number, height: number): DevicePiece {
    return {
      device: sector % deviceCount,
      offset: Math.floor(sector / deviceCount) * unit,
      length: height * unit,
    };
  }
}
