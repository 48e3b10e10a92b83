import type { DiskSnapshot } from '../host/disk-snapshot.ts';
import type { Source } from '../sources/source.ts';
import { withSource } from '../sources/with-source.ts';

/**
 * The source of a snapshot: checks at its end, and after an error, that the snapshot was valid, and
 * releases it when it is closed.
 */
export function snapshotSource(source: Source, snapshot: DiskSnapshot): Source {
  const { check, snapshotGuid, origin } = snapshot;
  return withSource(source, {
    snapshotGuid: source.snapshotGuid ?? snapshotGuid,
    origin,
    async next(buffer, signal) {
      let extent;
      try {
        extent = await source.next(buffer, signal);
      } catch (error) {
        await check?.(); // what has made it invalid explains the error
        throw error;
      }
      if (!extent) await check?.();
      return extent;
    },
    async close() {
      try {
        await source.close();
      } finally {
        await snapshot.release();
      }
    },
  });
}
