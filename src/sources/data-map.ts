// Finds out where a sparse file has data. Node has no lseek, so this asks perl, which nearly every
// Linux has. It is an optimisation: without a reliable map, the whole file is read.

import { spawn } from 'node:child_process';
import { type FileHandle, open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { untilAborted } from '../errors.ts';
import { EXT4, fileSystemOf, TMPFS, XFS } from '../host/file-systems.ts';

/** Part of a disk or a file, in bytes. */
export interface DataRange {
  /** Its first byte. */
  readonly start: number;
  /** The first byte behind it. */
  readonly end: number;
}

// File systems whose SEEK_DATA is exact, also for data that is not on the disk yet. Not ZFS: some
// releases report holes where data was just written (openzfs/zfs#15526).
const EXACT = [EXT4, XFS, TMPFS];

// Bytes. Smaller holes are read: that is cheaper than many small reads, and keeps the map small
// whatever the size of the file.
const MIN_HOLE = 2 ** 20;
const MAX_RANGES = 2 ** 19;

// A map that takes longer is given up, and the file is read: the program may hang.
const TIMEOUT_MS = 15_000;

// lseek(2): SEEK_DATA is 3 and SEEK_HOLE 4; ENXIO is 6: no more data. One line for each range, then
// "end".
const PROGRAM = `
  my ($at, $size, $min_hole) = @ARGV;
  my ($start, $end);
  while ($at < $size) {
    my $data = sysseek(STDIN, $at, 3);
    if (!defined $data) { last if $! == 6; exit 1 }
    $at = sysseek(STDIN, $data + 0, 4);
    exit 1 if !defined $at;
    if (defined $end && $data - $end < $min_hole) { $end = $at; next }
    print "$start $end\\n" if defined $end;
    ($start, $end) = ($data + 0, $at);
  }
  print "$start $end\\n" if defined $end;
  print "end\\n";
`;

/** Options of {@link dataMap}. */
export interface DataMapOptions {
  /** Smaller holes count as data, in bytes. Default: 1 MiB. */
  readonly minHole?: number | undefined;
  /** Stops the search: then nothing is known. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The parts of an open regular file that hold data, from its byte `start` on, ascending; offsets
 * count from `start`. A hole of less than `minHole` bytes counts as data, and so do the smallest
 * holes of a file with more than MAX_RANGES parts. Undefined if that is not known for certain, or
 * there are no holes.
 */
export async function dataMap(
  fd: number,
  start: number,
  size: number,
  { minHole = MIN_HOLE, signal }: DataMapOptions = {},
): Promise<readonly DataRange[] | undefined> {
  let file: FileHandle | undefined;
  try {
    // Opened anew, because a seek moves every copy of a descriptor, such as the one of the shell
    // for a redirected file.
    file = await open(`/proc/self/fd/${fd}`);
    const before = await file.stat({ bigint: true });
    if (before.blocks * 512n >= BigInt(start + size)) return undefined;
    if (!EXACT.includes(await fileSystemOf(file))) return undefined;
    const ranges = rangeList(start, size, minHole);
    await ask(file.fd, [start, start + size, minHole], (line) => ranges.addLine(line), signal);
    const after = await file.stat({ bigint: true });
    if (before.mtimeNs !== after.mtimeNs || before.blocks !== after.blocks) return undefined;
    return ranges.finish();
  } catch {
    return undefined; // not Linux, no perl
  } finally {
    await file?.close();
  }
}

async function ask(
  fd: number,
  numbers: readonly number[],
  onLine: (line: string) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const args = ['-e', PROGRAM, ...numbers.map(String)];
  // The timer of spawn would outlive a perl that does not exist.
  const late = AbortSignal.timeout(TIMEOUT_MS);
  const child = spawn('perl', args, { stdio: [fd, 'pipe', 'ignore'], signal: late });
  const failed = new Promise<never>((_, reject) => child.on('error', reject));
  const readLines = async () => {
    for await (const line of createInterface({ input: child.stdout! })) onLine(line); // a pipe
  };
  try {
    await untilAborted(Promise.race([readLines(), failed]), signal);
  } finally {
    // What hangs may be a program that perl has started and that has its output.
    // One that could not be started has no id: to Node that is 0, all processes of this group.
    if (child.pid !== undefined) child.kill('SIGKILL');
    child.stdout?.destroy();
    child.unref();
  }
}

/** Collects the lines that perl prints. */
function rangeList(start: number, size: number, minHole: number) {
  let ranges: { start: number; end: number }[] = [];
  let least = minHole;
  let isComplete = false;
  let isValid = true;

  const add = (from: number, to: number) => {
    const last = ranges.at(-1);
    if (!(from >= (last?.end ?? 0) && to > from)) isValid = false;
    if (last && from - last.end < least) last.end = to;
    else ranges.push({ start: from, end: to });
  };

  return {
    addLine(line: string): void {
      const [, from = NaN, to = NaN] = /^(\d+) (\d+)$/.exec(line)?.map(Number) ?? [];
      if (isComplete || !isValid) isValid = false;
      else if (line === 'end') isComplete = true;
      else add(from - start, Math.min(to - start, size));
      while (ranges.length > MAX_RANGES) {
        least *= 2;
        const all = ranges;
        ranges = [];
        for (const range of all) add(range.start, range.end);
      }
    },
    /** Undefined if the lines are not all there, or make no sense. */
    finish: (): readonly DataRange[] | undefined => (isComplete && isValid ? ranges : undefined),
  };
}
