// Every stream of zfs send in every format, each image read by QEMU.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { encode, fileSink, openSource, type SourceOptions } from 'kexport';
import { type FormatName, FORMATS } from 'kexport/formats';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { compareImage, describeWith, run } from '../support/peers.ts';
import { FULL, INCREMENTS, type RealStream } from '../support/send-streams.ts';

// Others hold what raw does, or nothing of the disk.
type Uncompressed = Exclude<FormatName, 'gce' | 'incus' | 'raw.gz' | 'raw.zst'>;
const NAMES = (Object.keys(FORMATS) as Uncompressed[]).filter((name) => 'read' in FORMATS[name]());

/** One image of each format, from one read of the stream. */
async function makeAll(path: string, folder: string, options: SourceOptions = {}): Promise<void> {
  const targets = NAMES.map(async (name) => {
    const sink = await fileSink(join(folder, `disk.${name}`));
    return { format: FORMATS[name](), sink };
  });
  await encode(await openSource(path, options), await Promise.all(targets), { level: 1 });
}

/** Throws unless every image in the folder is the disk that the stream makes. */
function checkAll(folder: string, { volsize, rawSha256 }: RealStream): void {
  const disk = join(folder, 'disk.raw');
  // If the volume is not of whole MiB, zeros follow in every image, since vhd needs them.
  const line = 'head -c "$1" "$2" | sha256sum && tail -c +$(($1 + 1)) "$2" | tr -d "\\0" | wc -c';
  const [sum, rest] = run('bash', '-c', line, 'bash', String(volsize), disk).split('\n');
  expect(sum?.slice(0, 64)).toBe(rawSha256);
  expect(rest).toBe('0');
  for (const name of NAMES) {
    if (name !== 'raw') compareImage(name, join(folder, `disk.${name}`), disk);
  }
  expect(statSync(join(folder, 'disk.vhd')).size).toBe(statSync(disk).size + 512);
}

describeWith(['qemu-img'], 'a stream in every format', () => {
  test.each(FULL.map((stream) => [stream.name, stream] as const))(
    'is its disk: %s',
    async (_, stream) => {
      const folder = temporaryFolder();
      await makeAll(stream.path, folder);
      checkAll(folder, stream);
    },
  );

  test.each(INCREMENTS)('is its disk flattened with its base: $name', async ({ stream, base }) => {
    const folder = temporaryFolder();
    await makeAll(stream.path, folder, { flatten: base.path });
    checkAll(folder, stream);
  });
});
