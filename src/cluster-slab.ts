import { PACKED_SLACK } from './compress/compressor.ts';

/** Clusters in one slab, at most of 64 KiB. */
export const CLUSTERS_PER_SLAB = 16;

/** The clusters of an overlay that are packed together: as they are, and as zlib streams. In shared memory, as `Slab` is. */
export interface ClusterSlab {
  readonly memory: SharedArrayBuffer;
  cluster(place: number): Uint8Array;
  /** Room for one packed cluster. */
  room(place: number): Uint8Array;
}

/** Bytes of shared memory for a slab. */
export function clusterSlabMemory(clusterSize: number): SharedArrayBuffer {
  return new SharedArrayBuffer(CLUSTERS_PER_SLAB * (2 * clusterSize + PACKED_SLACK));
}

/** A view of shared memory as a slab; the main thread and the workers each make their own. */
export function clusterSlab(memory: SharedArrayBuffer, clusterSize: number): ClusterSlab {
  const roomSize = clusterSize + PACKED_SLACK;
  const roomsAt = CLUSTERS_PER_SLAB * clusterSize;
  return {
    memory,
    cluster: (place) => new Uint8Array(memory, place * clusterSize, clusterSize),
    room: (place) => new Uint8Array(memory, roomsAt + place * roomSize, roomSize),
  };
}
