import type { ImageInput, Problem } from '../contract.ts';
import { error } from '../problems.ts';
import type { Header } from './decode-header.ts';
import { hexOffset, unsupported } from './faults.ts';

// Two bytes for each cluster of the image: how often it is referred to, and as what.
const COUNT = 0x1fff;
const AS_DATA = 0x2000;
const AS_L2 = 0x4000;
const AS_META = 0x8000;

/** The highest count that is kept; compressed clusters and snapshots can reach it. */
export const COUNT_LIMIT = COUNT;

/** Limit of this program: 512 MiB of counts, of which the system provides only what is used. */
const MAX_CLUSTERS = 2 ** 28;

/** `meta`: nothing else may refer to it. `l2`: an L2 table, which snapshots share. `data`: disk. */
export type Use = 'meta' | 'l2' | 'data';

const FLAGS = { meta: AS_META, l2: AS_L2, data: AS_DATA };

/** References to the clusters of an image, counted from its tables. */
export interface ClusterUses {
  readonly clusterCount: number;
  /**
   * Counts `times` references to each cluster that [start, end) touches. Returns a problem if it
   * runs past the end of the image.
   */
  refer(use: Use, start: number, end: number, times?: number): Problem | undefined;
  /** References to a cluster, at most COUNT_LIMIT. */
  count(cluster: number): number;
  /** Whether a cluster is an L2 table. */
  isL2(cluster: number): boolean;
  /** Whether anything refers to a cluster that [start, end) touches. */
  isUsed(start: number, end: number): boolean;
  /** Two uses of a cluster that exclude each other; undefined if all is well. */
  overlap(cluster: number): string | undefined;
}

/** What the steps of a check share. */
export interface CheckContext {
  readonly input: ImageInput;
  readonly header: Header;
  readonly uses: ClusterUses;
  /** Bytes of the tables of the snapshots and bitmaps so far. */
  tableBytes: number;
}

/**
 * Counts a table of a snapshot or a bitmap. Returns whether it is to be read: not if it overlaps
 * something, which is reported when the refcounts are compared. A hostile image could otherwise
 * have a table read any number of times, or clusters looked at for thousands of long tables: with
 * more bytes of tables than the image has, no further one may be counted.
 */
export function referTable(context: CheckContext, offset: number, size: number): boolean {
  const { uses } = context;
  context.tableBytes += size;
  const overlaps = uses.isUsed(offset, offset + size);
  uses.refer('meta', offset, offset + size);
  return !overlaps;
}

/** Throws a FormatError for an image of more than 2^28 clusters. */
export function clusterUses(imageSize: number, clusterSize: number): ClusterUses {
  const clusterCount = Math.ceil(imageSize / clusterSize);
  if (clusterCount > MAX_CLUSTERS) {
    throw unsupported(
      `the image has ${clusterCount} clusters, at most ${MAX_CLUSTERS} can be checked`,
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
      const where = `${what} at ${hexOffset(start)}`;
      return error(`${where} runs past the end of the image (${hexOffset(imageSize)})`);
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
