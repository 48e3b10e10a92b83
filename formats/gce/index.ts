import type { Format } from '../contract.ts';
import { roundDown } from '../rounding.ts';

/** The unit in which Google Cloud counts the size of a disk. */
const GIB = 2 ** 30;

/** The archive that Google Cloud makes images of: `disk.raw` in a tar, in one gzip member. */
export function gce(): Format {
  return {
    name: 'gce',
    title: 'disk.raw in a tar.gz (Google Cloud)',
    extension: 'tar.gz', // no other ending is accepted
    streaming: 'size-first',
    needsDiskSize: true, // the header of a member has its size
    maxDiskSize: roundDown(Number.MAX_SAFE_INTEGER, 2 * GIB),
    sizeMultiple: GIB,
    encoding: ({ level, windowBits = 15 }) => ({
      kind: 'zlib',
      windowBits,
      level,
      isJoinable: true,
    }),
    write: async (request) => (await import('./writer.ts')).gceWriter(request),
    matches: () => false, // the name says it
    packed: 'tar.gz',
  };
}
