import type { Cluster } from './extent-headers.ts';

/** Clusters of several extents, merged by their number. */
export interface ClusterQueue {
  /** How many extents have clusters in it. */
  readonly extentCount: number;
  /** Number of the next cluster; undefined if there is none. */
  readonly next: number | undefined;
  /** Adds the clusters of an extent, by ascending number; at least one. */
  add(clusters: readonly Cluster[]): void;
  /** Takes the next cluster. Throws unless there is one. */
  take(): Cluster;
}

/** The clusters of an extent, of which the first `taken` were taken. */
interface Cursor {
  readonly clusters: readonly Cluster[];
  taken: number;
}

/** A binary heap of extents, by the next cluster of each. */
export function clusterQueue(): ClusterQueue {
  const heap: Cursor[] = [];
  return {
    get extentCount() {
      return heap.length;
    },
    get next() {
      return heap[0] && numberOf(heap[0]);
    },
    add(clusters) {
      heap.push({ clusters, taken: 0 });
      raise(heap.length - 1);
    },
    take() {
      const [cursor] = heap;
      const cluster = cursor?.clusters[cursor.taken];
      if (!cursor || !cluster) throw new Error('the queue is empty');
      cursor.taken++;
      if (cursor.taken === cursor.clusters.length) {
        const last = heap.pop();
        if (last && last !== cursor) heap[0] = last;
      }
      sink(0);
      return cluster;
    },
  };

  function raise(start: number): void {
    for (let at = start; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!isBefore(at, parent)) return;
      swap(at, parent);
      at = parent;
    }
  }

  function sink(start: number): void {
    for (let at = start; ;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) if (isBefore(child, least)) least = child;
      if (least === at) return;
      swap(at, least);
      at = least;
    }
  }

  function isBefore(one: number, other: number): boolean {
    const [a, b] = [heap[one], heap[other]];
    return a !== undefined && b !== undefined && numberOf(a) < numberOf(b);
  }

  function swap(one: number, other: number): void {
    const [a, b] = [heap[one]!, heap[other]!]; // both were compared
    heap[one] = b;
    heap[other] = a;
  }
}

function numberOf({ clusters, taken }: Cursor): number {
  return clusters[taken]?.cluster ?? Infinity;
}
