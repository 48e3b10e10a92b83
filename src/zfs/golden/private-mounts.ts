// Mounts the file systems of a pool where nothing but this process sees them: in a mount namespace
// of a child process. It ends, and the mounts with it, when this process ends, however it does.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { realpath, stat } from 'node:fs/promises';
import { host } from '#host';
import { KexportError, reasonOf } from '../../errors.ts';

/** A file system to mount, below the root of the machine that it belongs to. */
export interface PrivateMount {
  readonly dataset: string;
  /** From the root of that machine. */
  readonly mountPoint: string;
  /** Whether its property `mountpoint` is `legacy`. */
  readonly isLegacy: boolean;
}

/** File systems that are mounted. */
export interface PrivateMounts {
  /** A folder that is their root for this process alone. */
  readonly root: string;
  /** Unmounts them, and waits until they are. Throws a KexportError. */
  close(): Promise<void>;
}

/** How a file system of another machine is mounted, whatever its properties say. */
const OPTIONS = 'rw,noexec,nosuid,nodev,noatime';

/**
 * The root, then for each mount its dataset, its place and its options. The names are arguments,
 * and not part of the script. Closing standard input ends it; the namespace ends with its last
 * process.
 */
const SCRIPT = `set -e
root=$1
shift
while [ $# -gt 0 ]; do
    if [ ! -d "$root$2" ]; then mkdir -p "$root$2"; fi
    mount -t zfs -o "$3" "$1" "$root$2"
    shift 3
done
echo mounted
cat > /dev/null
umount -R "$root"
`;

/**
 * Mounts file systems over the temporary folder, in a namespace of their own; the first is the
 * root. Must run as root. Throws a KexportError.
 */
export async function mountPrivately(mounts: readonly PrivateMount[]): Promise<PrivateMounts> {
  // Without links: one would lead out of the namespace, into this machine's files.
  const folder = await realpath(host.temporaryFolder());
  const words = mounts.flatMap(({ dataset, mountPoint, isLegacy }) => [
    ...[dataset, mountPoint === '/' ? '' : mountPoint],
    isLegacy ? OPTIONS : `zfsutil,${OPTIONS}`,
  ]);
  const args = ['--mount', '--propagation', 'private', '--', 'sh', '-c', SCRIPT, 'sh', folder];
  const child = spawn('unshare', [...args, ...words], {
    detached: true, // as in run.ts
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stdin.on('error', () => undefined);
  const failed = (text: string) =>
    new KexportError('target', `cannot mount the copy of ${mounts[0]?.dataset ?? ''}: ${text}`);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', (error) => reject(failed(reasonOf(error))));
    child.on('close', resolve);
  });
  const isMounted = await Promise.race([once(child.stdout, 'data').then(() => true), ended]);
  if (isMounted !== true) throw failed(said.trim().split('\n').at(-1) ?? 'unshare has failed');
  const root = `/proc/${child.pid ?? 0}/root${folder}`;
  const close = async () => {
    child.stdin.end();
    const status = await ended;
    if (status !== 0) throw failed(`it stays mounted: ${said.trim()}`);
  };
  const [here, there] = [await stat(folder), await stat(root)];
  if (here.dev !== there.dev) return { root, close };
  await close();
  throw failed('it is not seen where it is mounted'); // never touch this machine's files
}
