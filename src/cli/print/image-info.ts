import type { ImageInfo } from '../../images/image-info.ts';
import type { Partition, PartitionTable } from '../../inspect/disk-facts.ts';
import { formatLines, jsonText, type Line } from './lines.ts';
import { notOpenedText } from './not-opened.ts';
import { exactSize, formatSize } from './sizes.ts';

/** The output of `kexport info --json`; sizes in bytes. */
export function imageInfoJson(file: string, info: ImageInfo): string {
  const { facts, fileSize, allocatedSize, storedSize, notOpened, disk } = info;
  const { format, subformat, diskSize, details, backing } = facts;
  return jsonText({
    file,
    format,
    subformat,
    virtualSize: diskSize,
    fileSize,
    sizeOnDisk: allocatedSize,
    storedSize,
    details,
    backing,
    notOpened,
    cutOff: disk?.cutOff,
    partitionTable: disk && { ...disk.table, content: disk.content },
  });
}

/** The output of `kexport info`. */
export function imageInfoText(file: string, info: ImageInfo): string {
  const { facts, fileSize, allocatedSize, storedSize, notOpened, disk } = info;
  const { format, subformat, diskSize, details, backing } = facts;
  const backingText = backing && `${backing.file}${backing.format ? ` (${backing.format})` : ''}`;
  return formatLines([
    ['image', file],
    ['format', subformat === undefined ? format : `${format}, ${subformat}`],
    ['virtual size', exactSize(diskSize)],
    ...sizeLine('file size', fileSize),
    ...sizeLine('size on disk', allocatedSize),
    ...sizeLine('data stored', storedSize),
    ...Object.entries(details).map(([key, value]): Line => [key, valueText(value)]),
    ...(backingText === undefined ? [] : [['backing file', backingText] as const]),
    [
      'partition table',
      disk ? tableText(disk.table, disk.content) : `unknown: ${notOpenedText(notOpened)}`,
    ],
    ...(disk?.table.partitions ?? []).map(partitionLine),
    ...(disk?.cutOff === undefined ? [] : [['problem', disk.cutOff] as const]),
  ]);
}

function sizeLine(key: string, size: number | undefined): Line[] {
  return size === undefined ? [] : [[key, exactSize(size)]];
}

function valueText(value: string | number | boolean | readonly string[]): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'object' ? value.join(', ') || 'none' : String(value);
}

function tableText({ kind, problem, partitions }: PartitionTable, content?: string): string {
  if (kind === 'none') return content === undefined ? 'none' : `none, but ${content}`;
  const { length } = partitions;
  const count = `${kind.toUpperCase()}, ${length} partition${length === 1 ? '' : 's'}`;
  return problem === undefined ? count : `${count}; ${problem}`;
}

function partitionLine({ index, type, diskOffset, size, name, esp }: Partition): Line {
  const boot = esp && `EFI: ${esp.bootFiles.join(', ') || 'nothing to boot'}`;
  const notes = [name === '' ? undefined : `"${name}"`, boot].filter((note) => note !== undefined);
  const place = `${formatSize(size)} at ${formatSize(diskOffset)}`;
  return [`  ${index}`, [place, type, ...notes].join(', ')];
}
