import { open, readFile } from 'node:fs/promises';
import { KexportError, reasonOf } from '../errors.ts';

/** A line of /proc/self/mountinfo, proc(5). */
export interface Mount {
  /** A number that no other mount has while it exists. */
  readonly id: number;
  /** MAJOR:MINOR, as stat(2) returns it for the files there, except on btrfs. */
  readonly device: string;
  /** The folder of the file system that is mounted: `/`, or another for a bind mount. */
  readonly root: string;
  readonly mountPoint: string;
  /** Whether nothing can be written through this mount. */
  readonly isReadOnly: boolean;
  readonly type: string;
  /** A dataset for ZFS, a device for most others. */
  readonly source: string;
}

const MOUNTS = '/proc/self/mountinfo';

/**
 * The mounts of this machine, in the order in which they were made. Throws a KexportError where
 * there is no /proc.
 */
export async function listMounts(): Promise<Mount[]> {
  const text = await readFile(MOUNTS, 'utf8').catch((cause: unknown) => {
    const what = `cannot tell what is mounted: ${MOUNTS}: ${reasonOf(cause)}`;
    throw new KexportError('unsupported', what, { cause, hint: 'this needs Linux with /proc' });
  });
  return parseMounts(text);
}

/** The mount of `/`; undefined where there is no /proc. */
export async function rootMount(): Promise<Mount | undefined> {
  const mounts = await listMounts().catch((error: unknown) => {
    if (error instanceof KexportError) return [];
    throw error;
  });
  return mountOf('/', mounts);
}

/** Parses /proc/self/mountinfo. */
export function parseMounts(text: string): Mount[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      // " - " ends the optional fields.
      const [before = '', after = ''] = line.split(/ - (.*)/s);
      const [id = '', , device = '', root = '', mountPoint = '', flags = ''] = before.split(' ');
      const [type = '', source = ''] = after.split(' ');
      const [plainRoot = '', plainPoint = '', plainSource = ''] = [root, mountPoint, source].map(
        unescape,
      );
      return {
        id: Number(id),
        device,
        root: plainRoot,
        mountPoint: plainPoint,
        isReadOnly: flags.split(',').includes('ro'),
        type,
        source: plainSource,
      };
    });
}

/** The mount that a path lies in, which must not contain links. */
export function mountOf(path: string, mounts: readonly Mount[]): Mount | undefined {
  const holding = mounts.filter(({ mountPoint }) => isWithin(path, mountPoint));
  const longest = Math.max(...holding.map(({ mountPoint }) => mountPoint.length));
  // the last mount hides the others
  return holding.findLast(({ mountPoint }) => mountPoint.length === longest);
}

/** open(2) with it opens no device, and needs no permission for the file. */
const O_PATH = 0o10000000;

/** The mount that a path leads to for this process; undefined if it leads nowhere. */
export async function mountAt(path: string, mounts: readonly Mount[]): Promise<Mount | undefined> {
  const file = await open(path, O_PATH).catch(() => undefined);
  if (!file) return undefined;
  try {
    const found = await mountIdOf(file.fd);
    return mounts.find(({ id }) => id === found);
  } finally {
    await file.close();
  }
}

/** The `id` of the mount by which a file was opened; NaN where there is no /proc. */
export async function mountIdOf(fd: number): Promise<number> {
  const text = await readFile(`/proc/self/fdinfo/${fd}`, 'utf8').catch(() => '');
  return Number(/^mnt_id:\s*(\d+)$/m.exec(text)?.[1]);
}

/**
 * The first of `candidates` whose mount point leads to its file system; undefined if other mounts
 * cover them all. `mounts` are all that there are.
 */
export async function reachableMount(
  candidates: readonly Mount[],
  mounts: readonly Mount[],
): Promise<Mount | undefined> {
  for (const mount of candidates) {
    const found = await mountAt(mount.mountPoint, mounts);
    if (found?.device === mount.device) return mount;
  }
  return undefined;
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
}

/** Space, tab, line feed and backslash are written as three octal digits. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(parseInt(digits, 8)),
  );
}
