// Parses the output of `zpool status -PL` for one pool: its vdevs, nested by indentation, in groups
// by role.

/** The role of a vdev. */
export type VdevRole = 'data' | 'special' | 'dedup' | 'log' | 'cache' | 'spare';

/** A vdev as `zpool status` shows it. */
export interface VdevStatus {
  /** The path of a device, or a name such as `mirror-0`. */
  readonly name: string;
  /** ONLINE, DEGRADED, OFFLINE and so on. */
  readonly state: string;
  readonly role: VdevRole;
  /** Whether it lacks what a resilver writes to it, or will write. */
  readonly isResilvering: boolean;
  /** Empty for a device. */
  readonly children: readonly VdevStatus[];
}

export interface PoolStatus {
  /**
   * The line about the checkpoint, if there is one: `created Sun Nov 22 23:32:11 2026, consumes
   * 42K`.
   */
  readonly checkpoint: string | undefined;
  /**
   * The lines about scrubs and resilvers, the last or running ones: a sequential resilver has one
   * beside that of an earlier scrub.
   */
  readonly scans: readonly string[];
  readonly topLevel: readonly VdevStatus[];
}

const GROUPS: Readonly<Record<string, VdevRole>> = {
  special: 'special',
  dedup: 'dedup',
  logs: 'log',
  cache: 'cache',
  spares: 'spare',
};

interface Row extends VdevStatus {
  readonly depth: number;
  readonly children: Row[];
}

/** Parses the lines that `zpool status -PL POOL` prints. */
export function parsePoolStatus(lines: readonly string[]): PoolStatus {
  const words = (name: string) =>
    lines.flatMap((line) => new RegExp(`^ *${name}: (.+)`).exec(line)?.[1] ?? []);
  const header = lines.findIndex((line) => /^\tNAME\s+STATE\s/.test(line));
  const after = header === -1 ? [] : lines.slice(header + 1);
  const end = after.findIndex((line) => !line.startsWith('\t'));
  const rows = end === -1 ? after : after.slice(0, end);
  return { checkpoint: words('checkpoint')[0], scans: words('scan'), topLevel: treeOf(rows) };
}

function treeOf(lines: readonly string[]): VdevStatus[] {
  const topLevel: Row[] = [];
  const open: Row[] = []; // the rows that enclose the current one, outermost first
  let role: VdevRole = 'data';
  for (const line of lines) {
    const [, indentation = '', name = '', state = '', notes = ''] =
      /^\t( *)(\S+)\s*(\S*)(.*)/.exec(line) ?? [];
    const depth = indentation.length / 2;
    if (depth === 0) {
      // The row of the pool has a state, the header of a group has none: a pool may be named cache.
      role = state === '' ? (GROUPS[name] ?? 'data') : 'data';
      continue;
    }
    const isResilvering = /\((resilvering|awaiting resilver)\)/.test(notes);
    const row: Row = { name, state, role, isResilvering, depth, children: [] };
    open.length = Math.min(open.length, depth - 1);
    (open.at(-1)?.children ?? topLevel).push(row);
    open.push(row);
  }
  return topLevel;
}
