import { describe, expect, test } from 'vitest';
import { mountOf, parseMounts } from '../../src/host/mounts.ts';

// Lines of OpenZFS 2.1.11 on Linux 6.1, and one with spaces by the rules of proc(5).
const MOUNTINFO = `\
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
163 27 0:40 / /tank rw shared:88 - zfs tank rw,xattr,noacl
168 163 0:41 / /tank/fs rw shared:91 - zfs tank/fs rw,xattr,noacl
173 27 0:42 / /mnt rw,relatime shared:94 - zfs tank/leg rw,xattr,noacl
178 27 0:42 /sub /tmp/b rw,relatime shared:94 - zfs tank/leg rw,xattr,noacl
183 173 0:43 / /mnt/.zfs/snapshot/l rw,relatime shared:99 - zfs tank/leg@l ro,xattr,noacl
190 27 0:44 / /tank/my\\040files rw - zfs tank/my\\040files rw,xattr,noacl
`;
const mounts = parseMounts(MOUNTINFO);

describe('a path', () => {
  test.each([
    ['/tank/fs/disk.img', 'tank/fs'],
    ['/tank/fsx/disk.img', 'tank'],
    ['/tank', 'tank'],
    ['/mnt/.zfs/snapshot/l/f', 'tank/leg@l'],
    ['/tmp/b/f', 'tank/leg'],
    ['/tmp/f', '/dev/root'],
    ['/tank/my files/f', 'tank/my files'],
  ])('%s lies on %s', (path, source) => {
    expect(mountOf(path, mounts)?.source).toBe(source);
  });

  test('lies on the file system mounted last, where several are', () => {
    const over = parseMounts(`${MOUNTINFO}200 163 0:50 / /tank/fs rw - zfs other rw\n`);
    expect(mountOf('/tank/fs/f', over)?.source).toBe('other');
  });
});

test('a bind mount names the folder that it shows', () => {
  expect(mountOf('/tmp/b/f', mounts)).toMatchObject({ device: '0:42', root: '/sub', type: 'zfs' });
});
