import type { DiskInfo, ImageInfo, NamedDiskInfo } from '../../images/describe-image.ts';
import { typeName } from '../../inspect/type-name.ts';
import type {
  Content,
  DiskFacts,
  Partition,
  PartitionTable,
  PoolFacts,
} from '../../inspect/disk-facts.ts';
import { identityJson, identityText } from './identity.ts';
import { backingName } from '../../images/backing-name.ts';
import { diskLine } from './disk-line.ts';
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
    details: Object.fromEntries(
      Object.entries(details).map(([key, value]) => [inCamelCase(key), value]),
    ),
    backing,
    notOpened,
    ...contentJson(disk),
    identity: info.identity && identityJson(info.identity),
    disks: info.disks?.map((one) => ({
      name: one.name,
      virtualSize: one.facts.diskSize,
      storedSize: one.storedSize,
      ...contentJson(one.disk),
      identity: one.identity && identityJson(one.identity),
    })),
  });
}

function contentJson(disk: DiskFacts | undefined) {
  return {
    cutOff: disk?.cutOff,
    partitionTable: disk && {
      ...disk.table,
      partitions: disk.table.partitions.map((one) => ({ ...one, typeName: typeName(one.type) })),
      content: disk.content,
    },
  };
}

/** What `kexport info` says of an image, and of its first disk. */
export function imageInfoLines(file: string, info: ImageInfo): Line[] {
  const { facts, fileSize, allocatedSize, storedSize } = info;
  const { format, subformat, diskSize, details, backing } = facts;
  const backingText =
    backing && `${backingName(backing)}${backing.format ? ` (${backing.format})` : ''}`;
  return [
    ['image', file],
    ['format', subformat === undefined ? format : `${format}, ${subformat}`],
    ['virtual size', exactSize(diskSize)],
    ...sizeLine('file size', fileSize),
    ...sizeLine('size on disk', allocatedSize),
    ...sizeLine('data stored', storedSize),
    ...Object.entries(details).map(([key, value]): Line => [key, valueText(value)]),
    ...(backingText === undefined ? [] : [['backing file', backingText] as const]),
    ...contentLines(info),
  ];
}

/** What it says of each disk but the first. */
export function furtherDiskLines({
  disks = [],
}: ImageInfo): { disk: NamedDiskInfo; lines: Line[] }[] {
  return disks.slice(1).map((disk) => ({
    disk,
    lines: [
      ['disk', disk.name],
      ['virtual size', exactSize(disk.facts.diskSize)],
      ...sizeLine('data stored', disk.storedSize),
      ...contentLines(disk),
    ],
  }));
}

/** The output of `kexport info`, its drawing of each disk in so many columns. */
export function imageInfoText(file: string, info: ImageInfo, columns: number): string {
  const lines = formatLines(imageInfoLines(file, info));
  const further = furtherDiskLines(info).map(
    (one) => `\n${formatLines(one.lines)}${drawing(one.disk, columns)}${ofMachine(one.disk)}`,
  );
  return lines + drawing(info, columns) + ofMachine(info) + further.join('');
}

function contentLines({ disk, notOpened }: DiskInfo): Line[] {
  return [
    [
      'partition table',
      disk ? tableText(disk.table, disk.content) : `unknown: ${notOpenedText(notOpened)}`,
    ],
    ...(disk?.table.partitions ?? []).map(partitionLine),
    ...(disk?.cutOff === undefined ? [] : [['problem', disk.cutOff] as const]),
  ];
}

function drawing({ disk, facts }: DiskInfo, columns: number): string {
  return diskLine(disk?.table.partitions ?? [], facts.diskSize, columns) ?? '';
}

function ofMachine({ identity }: DiskInfo): string {
  return identity ? identityText(identity) : '';
}

function sizeLine(key: string, size: number | undefined): Line[] {
  return size === undefined ? [] : [[key, exactSize(size)]];
}

function valueText(value: string | number | boolean | readonly string[]): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'object' ? value.join(', ') || 'none' : String(value);
}

function tableText({ kind, problem, partitions }: PartitionTable, content?: Content): string {
  if (kind === 'none') return content ? `none, but ${content.title}${poolText(content)}` : 'none';
  const { length } = partitions;
  const count = `${kind.toUpperCase()}, ${length} partition${length === 1 ? '' : 's'}`;
  return problem === undefined ? count : `${count}; ${problem}`;
}

function partitionLine({ index, type, diskOffset, size, name, esp, content }: Partition): Line {
  const boot = esp && `EFI: ${esp.bootFiles.join(', ') || 'nothing to boot'}`;
  const holds = content && content.title.replace(/^an? /, '') + poolText(content);
  const place = `${formatSize(size)} at ${formatSize(diskOffset)}`;
  const notes = [
    place,
    typeName(type) ?? type,
    name === '' ? undefined : `"${name}"`,
    holds,
    boot,
  ].filter((note) => note !== undefined);
  return [`  ${index}`, notes.join(', ')];
}

function poolText({ pool }: Content): string {
  if (!pool) return '';
  const name = pool.name === undefined ? '' : ` "${pool.name}"`;
  const state = stateText(pool);
  return state === undefined ? name : `${name} (${state})`;
}

function stateText({ state, hostname }: PoolFacts): string | undefined {
  if (state === 'active') return hostname ? `not exported by ${hostname}` : 'not exported';
  return state === 'spare' || state === 'cache' ? `${state} device` : state;
}

/** `clusterSize` for `cluster size`. */
function inCamelCase(words: string): string {
  const joined = words.replace(/[^A-Za-z0-9]+(.)/g, (_, letter: string) => letter.toUpperCase());
  return joined.replace(/^[A-Z]+/, (start) => start.toLowerCase());
}
