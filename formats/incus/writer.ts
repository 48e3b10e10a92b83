// Writes a tar with `metadata.yaml` in one gzip member. Nothing of the disk is in it.
// Specification: Incus, doc/reference/image_format.md, "Split tarball"; LXD's is the same.

import type { Disk, FormatWriter, WriteRequest } from '../contract.ts';
import { gzipMember } from '../gzip/member.ts';
import { paddingAfter } from '../rounding.ts';
import { encodeMember } from '../tar/encode-tar.ts';
import { MAX_MTIME, TAR_END, TAR_RECORD } from '../tar/layout.ts';

/** Makes a writer that leaves out every block. `vmName` is the name to show. */
export function incusWriter(request: WriteRequest, vmName: string | undefined): FormatWriter {
  const { disk } = request;
  return {
    add: () => undefined,
    finish() {
      const member = gzipMember(request);
      const mtime = Math.min(Math.max(0, disk.createdAt), MAX_MTIME);
      const bytes = encodeMetadata(disk, vmName ?? disk.name);
      for (const part of encodeMember({ name: 'metadata.yaml', mtime, bytes })) {
        member.addStored(part); // shorter than such a block may be
      }
      const end = member.size + TAR_END;
      member.addZeros(TAR_END + paddingAfter(end, TAR_RECORD));
      member.finish();
    },
  };
}

/** The architecture and a date that is not zero are required. JSON's strings are YAML's too. */
function encodeMetadata({ createdAt }: Disk, name: string): Uint8Array {
  const lines = [
    'architecture: x86_64',
    `creation_date: ${Math.max(1, createdAt)}`,
    'properties:',
    '  architecture: x86_64',
    `  description: ${JSON.stringify(name)}`,
    `  name: ${JSON.stringify(name)}`,
  ];
  return new TextEncoder().encode(`${lines.join('\n')}\n`);
}
