import { join } from 'node:path';
import { encode, fileSink, openSource, qcow2, raw, type ZstdCompression } from 'kexport';
import { describe, expect, test } from 'vitest';
import { DISKS, writeDisk } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { checkQcow2, compareImage, describeWith, run } from '../support/peers.ts';
import { HAS_ZSTD } from '../support/zstd.ts';

describe.runIf(HAS_ZSTD)('an export in zstd', () => {
  describeWith(['qemu-img'], 'to QEMU', () => {
    test.each(DISKS.map((disk) => [disk.name, disk] as const))(
      'is a sound image of %s',
      async (_, disk) => {
        const folder = temporaryFolder();
        writeDisk(join(folder, 'disk'), disk);
        await exportDisk(folder, {});
        const image = join(folder, 'image.qcow2');
        expect(run('qemu-img', 'info', image)).toContain('compression type: zstd');
        checkQcow2(image);
        compareImage('qcow2', image, join(folder, 'disk'));
      },
    );

    test('can be written to', async () => {
      const folder = temporaryFolder();
      writeDisk(join(folder, 'disk'), DISKS[5]!);
      await exportDisk(folder, { level: 19 });
      const image = join(folder, 'image.qcow2');
      run('qemu-io', '-c', 'write -P 7 100k 3M', '-c', 'write -c -P 8 8256k 64k', image);
      checkQcow2(image);
    });
  });
});

async function exportDisk(
  folder: string,
  options: Omit<ZstdCompression, 'compression'>,
): Promise<void> {
  const open = (name: string) => fileSink(join(folder, name));
  const targets = [
    { format: qcow2(), sink: await open('image.qcow2') },
    { format: raw(), sink: await open('image.raw') },
  ];
  const source = await openSource(join(folder, 'disk'));
  await encode(source, targets, { compression: 'zstd', ...options });
}
