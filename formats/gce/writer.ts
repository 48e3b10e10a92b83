// Writes the archive front to back: the header of `disk.raw`, the disk, and the end of the tar, all
// in one gzip member. Every program that is known to make such archives makes one.

import type { FormatWriter, WriteRequest } from '../contract.ts';
import { faultsOf } from '../errors.ts';
import { addDiskBlock, gzipMember } from '../gzip/member.ts';
import { paddingAfter } from '../rounding.ts';
import { encodeTarHeader } from '../tar/encode-tar.ts';
import { TAR_BLOCK, TAR_END, TAR_RECORD } from '../tar/layout.ts';

const { unsupported } = faultsOf('gce');

/** As Google's own exporter has it. */
const MODE = 0o600;

/** `request.output` must be empty. Throws a FormatError if the size of the disk is not known. */
export function gceWriter(request: WriteRequest): FormatWriter {
  const { size, createdAt } = request.disk;
  if (size === undefined) {
    throw unsupported('the size of the disk must be known before it is written');
  }
  const member = gzipMember(request);
  const file = { name: 'disk.raw', size, mtime: createdAt, mode: MODE };
  member.addStored(encodeTarHeader({ ...file, isGnu: true })); // others are refused
  return {
    add: (block) => addDiskBlock(member, block, TAR_BLOCK),
    finish(diskSize) {
      const end = TAR_BLOCK + diskSize + TAR_END;
      member.addZeros(end + paddingAfter(end, TAR_RECORD) - member.size);
      member.finish();
    },
  };
}
