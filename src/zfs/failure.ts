// Finds out why zfs or zpool failed, from the messages of OpenZFS (libzfs_util.c,
// libzfs_error_description and libzfs_error_init). Their exit status is 1 for almost everything.

/** Why a command failed, as far as callers and people act on it. */
export type FailureKind =
  | 'no-command' // this machine has no zfs or zpool
  | 'no-module' // the kernel has no /dev/zfs, as in most containers
  | 'permission'
  | 'missing' // no such pool, dataset or snapshot
  | 'exists'
  | 'busy' // open, mounted or held
  | 'dependents' // a snapshot with clones, a dataset with children
  | 'no-space'
  | 'read-only' // the pool is imported so
  | 'suspended'
  | 'other';

const WORDS: readonly (readonly [FailureKind, RegExp])[] = [
  // Comes before `permission`: where /dev/zfs is missing or unreadable, some versions print both.
  [
    'no-module',
    /modules are not loaded|modules cannot be auto-loaded|\/dev\/zfs and \/proc\/self\/mounts are required|ailed to initialize the libzfs library/,
  ],
  ['suspended', /I\/O is currently suspended/],
  ['permission', /permission denied|must be run as root/i],
  [
    'missing',
    /does not exist|no such pool|could not find any snapshots to destroy|no such dataset/,
  ],
  ['exists', /already exists|checkpoint exists/],
  ['dependents', /has dependent clones|has children|has dependents/],
  ['busy', /is busy/],
  ['read-only', /is read-only/],
  ['no-space', /out of space|quota exceeded/],
];

/** The kind of failure, from a command's stderr. */
export function kindOf(stderr: string): FailureKind {
  return WORDS.find(([, pattern]) => pattern.test(stderr))?.[0] ?? 'other';
}

const HINTS: Partial<Record<FailureKind, string>> = {
  'no-command': "install ZFS's tools (zfsutils-linux on Debian and Ubuntu, zfs elsewhere)",
  'no-module': 'modprobe zfs as root; in a container, run it on the host',
  permission: 'run it as root',
  suspended: 'a device of the pool is lost: see zpool status, then zpool clear',
};

/** What a person can do about such a failure, whatever the command was. */
export function hintFor(kind: FailureKind): string | undefined {
  return HINTS[kind];
}
