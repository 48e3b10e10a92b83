import type { Partition } from '../../inspect/disk-facts.ts';
import { typeName } from '../../inspect/type-name.ts';

/** An extent of the disk as it is drawn. */
interface Segment {
  /** In bytes. */
  readonly size: number;
  readonly label: string;
  /** What fills the rest of its columns. */
  readonly filling: string;
}

const INDENT = 2;
/** Free space of a smaller share of the disk, such as for alignment, is not drawn. */
const MIN_GAP_SHARE = 1 / 100;

/**
 * A disk as a line of text: `|1 EFI System|2 Linux filesystem----|.....|`. Each partition is about
 * as wide as its share of the disk, and never narrower than its number. Undefined if the line does
 * not fit into the columns, or if partitions overlap.
 */
export function diskLine(
  partitions: readonly Partition[],
  diskSize: number,
  columns: number,
): string | undefined {
  const segments = segmentsOf(partitions, diskSize);
  if (!segments || partitions.length === 0) return undefined;
  const room = columns - 1 - INDENT - (segments.length + 1); // without the bars between them
  const widths = widthsOf(segments, room);
  const cells = widths?.map((width, index) => {
    const { label, filling } = segments[index]!; // there is a width for each
    return label.slice(0, width).padEnd(width, filling);
  });
  return cells && `${' '.repeat(INDENT)}|${cells.join('|')}|\n`;
}

function segmentsOf(partitions: readonly Partition[], diskSize: number): Segment[] | undefined {
  const segments: Segment[] = [];
  let end = 0;
  const addGap = (to: number) => {
    const size = to - end;
    if (size > diskSize * MIN_GAP_SHARE) segments.push({ size, label: '', filling: '.' });
  };
  const byPlace = [...partitions].sort((one, other) => one.diskOffset - other.diskOffset);
  for (const { index, type, diskOffset, size } of byPlace) {
    if (diskOffset < end) return undefined;
    addGap(diskOffset);
    segments.push({ size, label: `${index} ${typeName(type) ?? ''}`.trimEnd(), filling: '-' });
    end = diskOffset + size;
  }
  addGap(diskSize);
  return segments;
}

/** Columns of each segment: what its number takes, and its share of the rest. */
function widthsOf(segments: readonly Segment[], room: number): number[] | undefined {
  const least = segments.map(({ label }) => Math.max(1, label.split(' ', 1).join().length));
  const rest = room - least.reduce((sum, width) => sum + width, 0);
  if (rest < 0) return undefined;
  const total = segments.reduce((sum, { size }) => sum + size, 0);
  // Rounded at their ends, so that the widths add up.
  let [before, drawn] = [0, 0];
  return segments.map(({ size }, index) => {
    before += size;
    const end = Math.round((rest * before) / total);
    const width = (least[index] ?? 0) + end - drawn;
    drawn = end;
    return width;
  });
}
