import { type Command, Option } from 'commander';
import { imageInfo, type ImageInfo } from '../images/image-info.ts';
import type { Partition, PartitionTable } from '../inspect/disk-facts.ts';
import { packedInfo } from '../open/packed-info.ts';
import type { FormatName } from '../../formats/index.ts';
import type { PackedKind } from '../images/image-kind.ts';
import type { FromFormat } from '../open/source-options.ts';
import { streamKind } from '../open/stream-kind.ts';
import { abortOnSignals } from './signals.ts';
import { exactSize, formatLines, notOpenedText } from './lines.ts';
import { FROM_ALL } from './options.ts';
import { formatSize } from './sizes.ts';

interface InfoOptions {
  readonly from?: FromFormat;
  readonly backing?: boolean;
  readonly archiveDisk?: string;
  readonly json?: boolean;
}

/** `kexport info`. */
export function describe(command: Command): Command {
  return command
    .argument('<image>', 'an image, a raw disk, or a zfs send stream (- for standard input)')
    .addOption(
      new Option('--from <format>', 'what the image is, whatever its name says').choices(FROM_ALL),
    )
    .option('--backing', "open the files in the image's folder that it names")
    .option('--archive-disk <name>', 'of an archive with several disks (default: the first)')
    .option('--json', 'as JSON');
}

/** Prints what there is to know of the image; throws a KexportError if it cannot be read. */
export async function run(command: Command): Promise<number> {
  const [path = ''] = command.args;
  const options = command.opts<InfoOptions>();
  const kind = await streamKind(path, options.from);
  if (kind === 'zfs-send') {
    const { describeSent } = await import('./sent-info.ts');
    return describeSent(path, options.json ?? false);
  }
  const info = kind ? await infoOfPacked(path, kind) : await infoOfImage(path, options);
  process.stdout.write(options.json ? jsonOf(path, info) : textOf(path, info));
  return 0;
}

function infoOfImage(path: string, { from, backing, archiveDisk }: InfoOptions) {
  const format = from as FormatName | undefined; // else it is of a kind
  return imageInfo(path, { from: format, allowBacking: backing, archiveDisk });
}

async function infoOfPacked(path: string, kind: PackedKind): Promise<ImageInfo> {
  const stop = abortOnSignals();
  try {
    return await packedInfo(path, kind, stop.signal);
  } finally {
    stop.release();
  }
}

/** Sizes in bytes. */
function jsonOf(file: string, info: ImageInfo): string {
  const { facts, fileSize, allocatedSize, storedSize, notOpened, disk } = info;
  const { format, subformat, diskSize, details, backing } = facts;
  const report = {
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
    partitionTable: disk && { ...disk.table, content: disk.content },
  };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

function textOf(file: string, info: ImageInfo): string {
  const { facts, fileSize, allocatedSize, storedSize, notOpened, disk } = info;
  const { format, subformat, diskSize, details, backing } = facts;
  const backingText = backing && `${backing.file}${backing.format ? ` (${backing.format})` : ''}`;
  const lines: [key: string, value: string][] = [
    ['image', file],
    ['format', subformat === undefined ? format : `${format}, ${subformat}`],
    ['virtual size', exactSize(diskSize)],
    ...sizeLine('file size', fileSize),
    ...sizeLine('size on disk', allocatedSize),
    ...sizeLine('data stored', storedSize),
    ...Object.entries(details).map(([key, value]) => [key, valueText(value)] as [string, string]),
    ...(backingText === undefined ? [] : [['backing file', backingText] as [string, string]]),
    [
      'partition table',
      disk ? tableText(disk.table, disk.content) : `not looked for: ${notOpenedText(notOpened)}`,
    ],
    ...(disk?.table.partitions ?? []).map(partitionLine),
  ];
  return formatLines(lines);
}

function sizeLine(key: string, size: number | undefined): [key: string, value: string][] {
  return size === undefined ? [] : [[key, exactSize(size)]];
}

function valueText(value: string | number | boolean | readonly string[]): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'object' ? value.join(', ') || 'none' : String(value);
}

function tableText({ kind, problem, partitions }: PartitionTable, content?: string): string {
  if (kind === 'none') return content === undefined ? 'none' : `none, but ${content}`;
  const count = `${kind.toUpperCase()}, ${partitions.length} partition${partitions.length === 1 ? '' : 's'}`;
  return problem === undefined ? count : `${count}; ${problem}`;
}

function partitionLine({ index, type, diskOffset, size, name, esp }: Partition): [string, string] {
  const boot = esp && `EFI: ${esp.bootFiles.join(', ') || 'nothing to boot'}`;
  const notes = [name === '' ? undefined : `"${name}"`, boot].filter((note) => note !== undefined);
  const place = `${formatSize(size)} at ${formatSize(diskOffset)}`;
  return [`  ${index}`, [place, type, ...notes].join(', ')];
}
