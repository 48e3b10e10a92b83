// A device is read past its page cache, which does not hear of what a mounted file system writes.

import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sourceFrom } from 'kexport';
import { noise, withPartition } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { kexportOk, shell } from '../support/kexport.ts';
import { loopDevice } from '../support/loop-device.ts';
import { mountedDevice } from '../support/mounted.ts';
import { describeAsRoot, run } from '../support/peers.ts';

const MIB = 2 ** 20;

describeAsRoot('a device', () => {
  test('is read as it is now, not as its page cache remembers it', () => {
    const cwd = temporaryFolder();
    const file = join(cwd, 'disk');
    run('truncate', '-s', '32M', file);
    run('mkfs.ext4', '-q', file);
    const device = loopDevice(file);
    const mounted = join(mountedDevice(device), 'file');
    const contents = [noise(4 * MIB, 1), noise(4 * MIB, 2)];
    for (const [index, content] of contents.entries()) {
      writeFileSync(mounted, content, { flag: index === 0 ? 'w' : 'r+' });
      run('sync', '-f', mounted);
      // Others read it so, and leave it in the page cache.
      run('cmp', device, device);
      kexportOk(cwd, 'raw', device, '-o', `${index}.raw`);
      run('debugfs', '-R', `dump /file ${join(cwd, 'found')}`, join(cwd, `${index}.raw`));
      expect(readFileSync(join(cwd, 'found')).equals(content)).toBe(true);
    }
  });

  test('that the caller has opened keeps nothing else open when its source is closed', async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'disk'), noise(MIB));
    const device = loopDevice(join(cwd, 'disk'));
    const openOnIt = () =>
      readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`) === device;
        } catch {
          return false; // it was that of readdir
        }
      });
    await using handle = await open(device);
    const source = await sourceFrom(handle);
    const bytes = Buffer.alloc(MIB);
    expect(await source.next(bytes)).toEqual({ diskOffset: 0, length: MIB });
    expect(bytes.equals(noise(MIB))).toBe(true);
    await source.close();
    expect(openOnIt()).toEqual([String(handle.fd)]);
  });

  test('is flushed first', () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'disk'), Buffer.alloc(8 * MIB));
    const disk = withPartition(noise(8 * MIB - 512));
    writeFileSync(join(cwd, 'other'), disk);
    const device = loopDevice(join(cwd, 'disk'));
    run('dd', `if=${join(cwd, 'other')}`, `of=${device}`, 'bs=1M', 'status=none');
    kexportOk(cwd, 'raw', device, '-o', 'x.raw');
    expect(readFileSync(join(cwd, 'x.raw')).subarray(0, disk.length).equals(disk)).toBe(true);
  });

  test.each([
    ['of an odd number of sectors', '--sizelimit', String(5 * MIB + 512)],
    ['that begins within a page', '--offset', '512'],
    ['with sectors of 4096 bytes', '--sector-size', '4096'],
  ])('%s is read to its end', (_, ...options) => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'disk'), noise(8 * MIB));
    const device = loopDevice(join(cwd, 'disk'), ...options);
    kexportOk(cwd, 'qcow2,raw', device, '--name', 'x');
    kexportOk(cwd, 'raw', device, '-o', 'cached.raw', '--cached-read');
    const line = `cmp x.raw ${device} && cmp cached.raw x.raw && kexport raw - -o in.raw -q < ${device} &&
      cmp in.raw x.raw && kexport verify x.qcow2 --against x.raw -q`;
    expect(shell(line, cwd)).toMatchObject({ status: 0, stdout: '' });
  });
});
