import type { Problem } from '../contract.ts';
import { hex, unsupported } from './extensions.ts';

// Two bytes a cluster of the image: how often it is referred to, and as what.
const COUNT = 0x1fff;
const AS_DATA = 0x2000;
const AS_L2 = 0x4000;
const AS_META = 0x8000;

/** Counts from here on are not told apart: that many compressed clusters share one, or snapshots hold it. */
export const COUNT_LIMIT = COUNT;

/** The largest image that is checked, in clusters: 512 MiB of counts, of which the system only provides what is used. */
const MAX_CLUSTERS = 2 ** 28;

/** `meta` is what nothing else may refer to, `l2` an L2 table, which snapshots share, `data` what is on the disk. */
export type Use = 'meta' | 'l2' | 'data';

const FLAGS = { meta: AS_META, l2: AS_L2, data: AS_DATA };

/** Who refers to the clusters of an image, as its tables have it. */
export interface ClusterUses {
  readonly clusterCount: number;
  /** Counts `times` references to each cluster that [start, end) touches. Answers a problem if it is not in the image. */
  refer(use: Use, start: number, end: number, times?: number): Problem | undefined;
  /** How often a cluster is referred to; COUNT_LIMIT for that often or more. */
  count(cluster: number): number;
  isL2(cluster: number): boolean;
  /** Whether anything refers to a cluster that [start, end) touches. */
  isUsed(start: number, end: number): boolean;
  /** What a cluster is wrongly used for at once; undefined if all is well with it. */
  overlap(cluster: number): string | undefined;
}

/** Throws a FormatError for an image of more than 2^28 clusters. */
export function clusterUses(imageSize: number, clusterSize: number): ClusterUses {
  const clusterCount = Math.ceil(imageSize / clusterSize);
  if (clusterCount > MAX_CLUSTERS) {
    throw unsupported(
      `an image of ${clusterCount} clusters`,
      `at most ${MAX_CLUSTERS} can be checked`,
    );
  }
  const uses = new Uint16Array(clusterCount);
  const firstOf = (start: number) => Math.floor(start / clusterSize);
  const lastOf = (end: number) => Math.ceil(end / clusterSize) - 1;

  return {
    clusterCount,
    refer(use, start, end, times = 1) {
      const last = lastOf(end);
      for (let cluster = firstOf(start); cluster <= Math.min(last, clusterCount - 1); cluster++) {
        const old = uses[cluster] ?? 0;
        const count = Math.min(COUNT, (old & COUNT) + times);
        uses[cluster] = (old & ~COUNT) | FLAGS[use] | count;
      }
      if (last < clusterCount) return undefined;
      const what = { meta: 'a table', l2: 'an L2 table', data: 'a cluster' }[use];
      const message = `${what} at ${hex(start)} runs past the end of the image (${hex(imageSize)})`;
      return { severity: 'error', message };
    },
    count: (cluster) => (uses[cluster] ?? 0) & COUNT,
    isL2: (cluster) => ((uses[cluster] ?? 0) & AS_L2) !== 0,
    isUsed(start, end) {
      const last = Math.min(lastOf(end), clusterCount - 1);
      for (let cluster = firstOf(start); cluster <= last; cluster++) {
        if (uses[cluster] !== 0) return true;
      }
      return false;
    },
    overlap(cluster) {
      const use = uses[cluster] ?? 0;
      if ((use & AS_META) !== 0 && (use & (AS_L2 | AS_DATA)) !== 0) return 'a table and other data';
      if ((use & AS_META) !== 0 && (use & COUNT) > 1) return 'two tables';
      return (use & AS_L2) !== 0 && (use & AS_DATA) !== 0 ? 'an L2 table and data' : undefined;
    },
  };
}
