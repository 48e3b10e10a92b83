import { readFile } from 'node:fs/promises';

/** A line of /proc/self/mountinfo, proc(5). */
export interface Mount {
  /** MAJOR:MINOR, as stat(2) has it of the files there, except for btrfs. */
  readonly device: string;
  /** The folder of the file system that is mounted: `/` unless it is a bind mount. */
  readonly root: string;
  readonly mountPoint: string;
  /** Whether nothing can be written through this mount. */
  readonly isReadOnly: boolean;
  readonly type: string;
  /** A dataset for ZFS, else mostly a device. */
  readonly source: string;
}

/** What is mounted here, in the order in which it was. */
export async function listMounts(): Promise<Mount[]> {
  return parseMounts(await readFile('/proc/self/mountinfo', 'utf8'));
}

/** Takes mountinfo apart. */
export function parseMounts(text: string): Mount[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      // A number of optional fields end with " - ".
      const [before = '', after = ''] = line.split(/ - (.*)/s);
      const [, , device = '', root = '', mountPoint = '', flags = ''] = before.split(' ');
      const [type = '', source = ''] = after.split(' ');
      const [plainRoot = '', plainPoint = '', plainSource = ''] = [root, mountPoint, source].map(
        unescape,
      );
      return {
        device,
        root: plainRoot,
        mountPoint: plainPoint,
        isReadOnly: flags.split(',').includes('ro'),
        type,
        source: plainSource,
      };
    });
}

/** The mount that a path without links lies in. */
export function mountOf(path: string, mounts: readonly Mount[]): Mount | undefined {
  const holding = mounts.filter(({ mountPoint }) => isWithin(path, mountPoint));
  const longest = Math.max(...holding.map(({ mountPoint }) => mountPoint.length));
  return holding.findLast(({ mountPoint }) => mountPoint.length === longest); // the last hides the others
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
