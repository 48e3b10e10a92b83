// Finds out where a sparse file has data. Node has no lseek, so this asks perl, which nearly every
// Linux has. It is an optimisation: without a reliable map, the whole file is read.

import { spawn } from 'node:child_process';
import { type FileHandle, open } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { untilAborted } from '../errors.ts';
import { EXT4, fileSystemOf, TMPFS, XFS } from '../host/file-systems.ts';

/** Part of a disk, in bytes. */
export interface DataRange {
  readonly start: number;
  readonly end: number;
}

// File systems whose SEEK_DATA is exact, also for data that is not on the disk yet. Not ZFS: some
// releases report holes where data was just written (openzfs/zfs#15526).
const EXACT = [EXT4, XFS, TMPFS];

// Bytes. Smaller holes are read: that is cheaper than many small reads, and keeps the map small
// whatever the size of the file.
const MIN_HOLE = 2 ** 20;
const MAX_RANGES = 2 ** 17;

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
 * count from `start`. A hole of less than `minHole` bytes, or of less than the size divided by
 * MAX_RANGES, counts as data. Undefined if that is not known for certain, or there are no holes.
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
    const least = Math.max(minHole, Math.ceil(size / MAX_RANGES));
    const printed = await ask(file.fd, [start, start + size, least], signal);
    const after = await file.stat({ bigint: true });
    if (before.mtimeNs !== after.mtimeNs || before.blocks !== after.blocks) return undefined;
    return parse(printed, start, size);
  } catch {
    return undefined; // not Linux, no perl
  } finally {
    await file?.close();
  }
}

async function ask(
  fd: number,
  numbers: readonly number[],
  signal: AbortSignal | undefined,
): Promise<string> {
  const args = ['-e', PROGRAM, ...numbers.map(String)];
  // The timer of spawn would outlive a perl that does not exist.
  const late = AbortSignal.timeout(TIMEOUT_MS);
  const child = spawn('perl', args, { stdio: [fd, 'pipe', 'ignore'], signal: late });
  const failed = new Promise<never>((_, reject) => child.on('error', reject));
  const printed = Promise.race([child.stdout ? text(child.stdout) : '', failed]);
  try {
    return await untilAborted(printed, signal);
  } finally {
    // What hangs may be a program that perl has started and that has its output.
    child.kill('SIGKILL');
    child.stdout?.destroy();
    child.unref();
  }
}

/** Parses the output of perl; undefined if it is not complete and valid. */
function parse(printed: string, start: number, size: number): DataRange[] | undefined {
  const lines = printed.split('\n');
  if (lines.pop() !== '' || lines.pop() !== 'end') return undefined;
  const ranges = lines.map((line) => {
    const [, from = NaN, to = NaN] = /^(\d+) (\d+)$/.exec(line)?.map(Number) ?? [];
    return { start: from - start, end: Math.min(to - start, size) };
  });
  let last = 0;
  for (const range of ranges) {
    if (!(range.start >= last && range.end > range.start)) return undefined;
    last = range.end;
  }
  return ranges;
}
