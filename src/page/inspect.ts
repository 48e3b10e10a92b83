// Says what a file is and what is on its disk, as `kexport info` does it.

import { exactSize } from '../cli/print/sizes.ts';
import { furtherDiskLines, imageInfoLines } from '../cli/print/image-info.ts';
import type { Line } from '../cli/print/lines.ts';
import type { Options } from '../cli/options/options.ts';
import type { DiskInfo } from '../images/describe-image.ts';
import { describeImage } from '../images/describe-image.ts';
import { blobFile } from '../images/blob-file.ts';
import { beginsSendStream, HEAD_SIZE, packedByName, packedNamed } from '../images/image-kind.ts';
import { diskOfImage, type ImageFiles } from '../images/read-image.ts';
import { typeName } from '../inspect/type-name.ts';
import { openImageFile } from '../open/open-in-browser.ts';
import { headOf } from '../remote/remote-file.ts';
import type { DrawnPartition, Inspected, InspectedDisk } from './protocol.ts';
import { cellsOf } from './cells.ts';

/** Answers `inspect`. Throws a KexportError. */
export async function inspect(file: File, options: Options): Promise<Inspected> {
  const stream = await streamTitle(file, options);
  if (stream !== undefined) {
    const lines: Line[] = [
      ['file', file.name],
      ['format', stream],
      ['file size', exactSize(file.size)],
    ];
    return { kind: 'inspect', lines, disks: [] };
  }
  const { from, ovaDisk, internalSnapshot } = options;
  const format = from === undefined || packedNamed(from) ? undefined : from;
  await using image = await openImageFile(file, {
    from: format === 'zfs-send' ? undefined : (format as undefined),
    ovaDisk,
    internalSnapshot,
    alone: true,
  });
  const info = await describeImage(image);
  const [first, ...others] = image.reader.disks ?? [];
  const disks = [await drawn(first ? await diskOfImage(image, first) : image, info, first?.name)];
  for (const { disk, lines } of furtherDiskLines(info)) {
    const found = others.find(({ name }) => name === disk.name);
    if (found)
      disks.push({ ...(await drawn(await diskOfImage(image, found), disk, disk.name)), lines });
  }
  return { kind: 'inspect', lines: imageInfoLines(file.name, info), disks };
}

const TITLES = {
  gz: 'a disk or a stream in a gzip file',
  zst: 'a disk in a zstd file',
  'tar.gz': 'disk.raw in a tar in a gzip file',
  zip: 'a disk in a zip archive',
};

/** What a file is that is read front to back, in words; undefined for an image or a raw disk. */
async function streamTitle(file: File, { from }: Options): Promise<string | undefined> {
  const head = await headOf(blobFile(file.name, file), HEAD_SIZE);
  const packed = from === undefined ? packedByName(file.name, head) : packedNamed(from);
  if (packed) return TITLES[packed];
  const isSent = from === undefined ? beginsSendStream(head) : from === 'zfs-send';
  return isSent ? 'a zfs send stream' : undefined;
}

async function drawn(
  image: ImageFiles,
  { facts, disk }: DiskInfo,
  name: string | undefined,
): Promise<InspectedDisk> {
  const partitions = (disk?.table.partitions ?? []).map(
    ({ index, type, diskOffset, size, name: label, content }): DrawnPartition => {
      const what = content?.title.replace(/^an? /, '') ?? typeName(type) ?? label;
      return { label: `${index} ${what}`.trim(), diskOffset, size };
    },
  );
  return { name, lines: [], size: facts.diskSize, partitions, ...(await cellsOf(image)) };
}
