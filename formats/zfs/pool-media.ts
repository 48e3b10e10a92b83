// Reads blocks of top-level vdevs from the devices that are present. What one lacks is recovered
// from the parity that is the exclusive or of a stripe's columns.

import { joinBytes } from '../join-bytes.ts';
import type { PoolMedia } from './pool-blocks.ts';
import type { Column, Stripe, VdevLayout } from './vdev-layout.ts';

/**
 * Exactly `length` bytes of a device, from an offset in its allocatable space. Rejects with a
 * FormatError if it ends before.
 */
export type ReadDevice = (offset: number, length: number) => Promise<Uint8Array>;

/** A top-level vdev whose devices, or some of them, are present. */
export interface MediaVdev {
  /** Its number in the pool. */
  readonly id: number;
  readonly layout: VdevLayout;
  /** By their index in the vdev; undefined for one that is not present. */
  readonly devices: readonly (ReadDevice | undefined)[];
}

export function poolMedia(vdevs: readonly MediaVdev[]): PoolMedia {
  const byId = new Map(vdevs.map((vdev) => [vdev.id, vdev]));
  return {
    ways(id, block) {
      const vdev = byId.get(id);
      if (!vdev) return [];
      return vdev.layout
        .copies(block)
        .filter((stripes) => stripes.every((stripe) => isReadable(stripe, vdev)))
        .map((stripes) => async () => {
          const read = await Promise.all(stripes.map((stripe) => readStripe(stripe, vdev)));
          return joinBytes(read).subarray(0, block.length);
        });
    },
  };
}

function isReadable({ parity, data }: Stripe, vdev: MediaVdev): boolean {
  const lost = data.filter((column) => !isPresent(column, vdev));
  return (
    lost.length === 0 || (lost.length === 1 && parity !== undefined && isPresent(parity, vdev))
  );
}

function isPresent(column: Column, { devices }: MediaVdev): boolean {
  return column.every(({ device }) => devices[device] !== undefined);
}

async function readStripe({ parity, data }: Stripe, vdev: MediaVdev): Promise<Uint8Array> {
  const columns = await Promise.all(
    data.map(async (column) => (isPresent(column, vdev) ? readColumn(column, vdev) : undefined)),
  );
  const lost = columns.indexOf(undefined);
  const found = columns.filter((column) => column !== undefined);
  if (lost === -1 || !parity) return joinBytes(found);
  const recovered = (await readColumn(parity, vdev)).slice();
  for (const column of found) {
    // The parity is at least as long.
    for (const [at, byte] of column.entries()) recovered[at] = recovered[at]! ^ byte;
  }
  const length = (data[lost] ?? []).reduce((sum, piece) => sum + piece.length, 0);
  return joinBytes([...found.slice(0, lost), recovered.subarray(0, length), ...found.slice(lost)]);
}

async function readColumn(column: Column, { devices }: MediaVdev): Promise<Uint8Array> {
  const pieces = column.map(async ({ device, offset, length }) =>
    devices[device]?.(offset, length),
  );
  return joinBytes((await Promise.all(pieces)).filter((piece) => piece !== undefined));
}
