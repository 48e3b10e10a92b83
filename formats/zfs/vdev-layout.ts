// How a top-level vdev lays its allocatable space out on its devices.

/** Some bytes of a device. */
export interface DevicePiece {
  /** Index of the device in its vdev. */
  readonly device: number;
  /** In its allocatable space, in bytes. */
  readonly offset: number;
  /** In bytes. */
  readonly length: number;
}

/** A column of a stripe: pieces one after the other, mostly one. */
export type Column = readonly DevicePiece[];

/** Bytes of a block that lie side by side in columns. */
export interface Stripe {
  /**
   * The column of parity that is the exclusive or of the others, in which a shorter one ends with
   * zeros; undefined of a stripe of one column.
   */
  readonly parity: Column | undefined;
  /** The columns whose bytes, one after the other, are those of the block. */
  readonly data: readonly Column[];
}

/** A block in the allocatable space of a vdev. */
export interface StoredBlock {
  /** In bytes. */
  readonly offset: number;
  /** In bytes, without parity. */
  readonly length: number;
  /** The transaction group in which it was written. */
  readonly birth: bigint;
}

/** Called with a free part of a device, in bytes of its allocatable space. */
export type OnDevicePart = (device: number, start: number, end: number) => void;

/** The layout of a vdev. */
export interface VdevLayout {
  /** Number of devices, present or not. */
  readonly deviceCount: number;
  /** Metaslabs begin at a multiple of this many bytes of the vdev; see `metaslabStart`. */
  readonly alignment: number;
  /** Allocatable bytes of the vdev if its smallest device has that many. */
  sizeWith(deviceSize: number): number;
  /** Each way to read a block: stripes whose bytes, one after the other, are those of the block. */
  copies(block: StoredBlock): readonly (readonly Stripe[])[];
  /**
   * Calls `onPart` for what is on the devices of an extent of the vdev, of each device in ascending
   * order, also of one extent after the other.
   */
  spread(start: number, end: number, onPart: OnDevicePart): void;
}

/** The layout of a device that is a vdev by itself, and of a mirror: each device has all of it. */
export function mirrorLayout(deviceCount: number): VdevLayout {
  const devices = Array.from({ length: deviceCount }, (_, device) => device);
  return {
    deviceCount,
    alignment: 1,
    sizeWith: (deviceSize) => deviceSize,
    copies: ({ offset, length }) =>
      devices.map((device) => [{ parity: undefined, data: [[{ device, offset, length }]] }]),
    spread(start, end, onPart) {
      for (const device of devices) onPart(device, start, end);
    },
  };
}

/**
 * The heights of the columns of a stripe of `count` sectors, parity first: it fills rows of `width`
 * sectors, of which `parity` are parity. (OpenZFS, vdev_raidz_map_alloc: "big columns".)
 */
export function columnHeights(count: number, width: number, parity: number): number[] {
  const rows = Math.floor(count / (width - parity));
  const rest = count - rows * (width - parity);
  const higher = rest === 0 ? 0 : rest + parity;
  const columns = rows === 0 ? higher : width;
  return Array.from({ length: columns }, (_, column) => (column < higher ? rows + 1 : rows));
}
