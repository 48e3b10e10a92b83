// Writes a box, a tar:
//   texts     their content may depend on the size of the disk's file, their length does not
//   disk      as its own format writes it
// All before the disk is a hole until that is written.

import type { Disk, Format, FormatWriter, WriteRequest } from '../contract.ts';
import { paddingAfter } from '../rounding.ts';
import { encodeMember, encodeTarHeader } from '../tar/encode-tar.ts';
import { MAX_MTIME, TAR_BLOCK, TAR_END, TAR_RECORD } from '../tar/layout.ts';
import { memberImage } from '../tar/member-image.ts';
import { unsupported } from './faults.ts';

/** A file of a box. */
export interface BoxFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A disk whose size is known. */
export type SizedDisk = Disk & { readonly size: number };

/** What a box holds. */
export interface BoxContents {
  readonly diskFormat: Format;
  /** Name of the disk's file. */
  readonly diskName: string;
  /** The other files, of the same lengths for every size of the disk's file. */
  texts(disk: SizedDisk, fileSize: number): readonly BoxFile[];
}

/** `request.output` must be empty. Rejects with a FormatError if the disk's size is not known. */
export async function boxWriter(
  request: WriteRequest,
  { diskFormat, diskName, texts }: BoxContents,
): Promise<FormatWriter> {
  const { disk, output } = request;
  const { size } = disk;
  if (size === undefined) {
    throw unsupported('the size of the disk must be known before it is written');
  }
  const mtime = Math.min(Math.max(0, disk.createdAt), MAX_MTIME);
  const front = (fileSize: number) => [
    ...texts({ ...disk, size }, fileSize).flatMap((file) => encodeMember({ ...file, mtime })),
    encodeTarHeader({ name: diskName, mtime, size: fileSize }),
  ];
  output.zeros(front(0).reduce((sum, { length }) => sum + length, 0));
  const member = memberImage(output);
  const inner = await diskFormat.write({ ...request, fileName: diskName, output: member });
  return {
    add: (block) => inner.add(block),
    finish(diskSize) {
      inner.finish(diskSize);
      const fileSize = member.position;
      output.zeros(paddingAfter(fileSize, TAR_BLOCK) + TAR_END);
      output.zeros(paddingAfter(output.position, TAR_RECORD));
      let at = 0;
      for (const part of front(fileSize)) {
        output.patch(at, part);
        at += part.length;
      }
    },
  };
}
