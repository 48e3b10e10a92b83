import type { DiskSnapshot } from '../host/disk-snapshot.ts';
import type { Source } from '../sources/source.ts';
import { withSource } from '../sources/with-source.ts';

/**
 * The source of a snapshot: checks at its end, and after an error, that the snapshot was valid, and
 * releases it when it is closed.
 */
export function snapshotSource(source: Source, snapshot: DiskSnapshot): Source {
  const { check, snapshotGuid, origin } = snapshot;
  /** What has made the snapshot invalid explains an error. */
  const explained = async <T>(reading: Promise<T>) => {
    try {
      return await reading;
    } catch (error) {
      await check?.();
      throw error;
    }
  };
  const read = source.read?.bind(source);
  return withSource(source, {
    snapshotGuid: source.snapshotGuid ?? snapshotGuid,
    origin,
    async next(buffer, signal) {
      const extent = await explained(source.next(buffer, signal));
      if (!extent) await check?.();
      return extent;
    },
    read: read && ((diskOffset, buffer) => explained(read(diskOffset, buffer))),
    async close() {
      try {
        await source.close();
      } finally {
        await snapshot.release();
      }
    },
  });
}
