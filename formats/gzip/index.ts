import { type Format, type FormatWriter, SECTOR_SIZE, type WriteRequest } from '../contract.ts';

/** A raw disk in a gzip file of one member, which every gunzip reads. */
export function rawGz(): Format {
  return {
    name: 'raw.gz',
    title: 'the disk itself, compressed with gzip (dd, bmaptool)',
    extension: 'raw.gz',
    streaming: 'always',
    maxDiskSize: Number.MAX_SAFE_INTEGER,
    sizeMultiple: SECTOR_SIZE,
    encoding: ({ level, windowBits = 15 }) => ({
      kind: 'zlib',
      windowBits,
      level,
      isJoinable: true,
    }),
    write: async (request) => writerOf(request, await import('./member.ts')),
    matches: () => false, // the name says it
    packed: 'gz',
  };
}

function writerOf(
  request: WriteRequest,
  { addDiskBlock, gzipMember }: typeof import('./member.ts'),
): FormatWriter {
  const member = gzipMember(request);
  return {
    add: (block) => addDiskBlock(member, block, 0),
    finish(diskSize) {
      member.addZeros(diskSize - member.size);
      member.finish();
    },
  };
}
