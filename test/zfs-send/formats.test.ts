// Every real stream in every format, each image read by QEMU.

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { encode, openSource } from 'kexport';
import { type FormatName, FORMATS } from 'kexport/formats';
import { expect, test } from 'vitest';
import { fileSink } from '../../src/sinks/file.ts';
import { temporaryFolder } from '../support/folder.ts';
import { compareWithRaw, describeWith, run } from '../support/peers.ts';
import { type RealStream, STREAMS } from '../support/send-streams.ts';

type SourceOptions = NonNullable<Parameters<typeof openSource>[1]>;

/** Images of each format but raw, as QEMU calls them; an ova is what the vmdk in it is. */
const IN_QEMU = {
  qcow2: 'qcow2',
  vhd: 'vpc',
  'vhd-dynamic': 'vpc',
  vhdx: 'vhdx',
  vdi: 'vdi',
  vmdk: 'vmdk',
  ova: 'vmdk',
};

const full = STREAMS.filter(({ kind }) => kind === 'full');
const increments = STREAMS.filter(({ kind }) => kind === 'incremental').flatMap((stream) => {
  const base = full.find(({ rawSha256 }) => rawSha256 === stream.baseRawSha256);
  if (!base) console.warn(`has no stream of its base, so it is not tested: ${stream.name}`);
  return base ? [{ name: stream.name, stream, base }] : [];
});

/** One image of each format, from one read of the stream. */
async function makeAll(path: string, folder: string, options: SourceOptions = {}): Promise<void> {
  const names = Object.keys(FORMATS) as FormatName[];
  const targets = names.map(async (name) => {
    const sink = await fileSink(join(folder, `disk.${name}`));
    return { format: FORMATS[name](), sink };
  });
  await encode(await openSource(path, options), await Promise.all(targets), { level: 1 });
}

/** Throws unless every image in the folder is the disk that the stream stands for. */
function checkAll(folder: string, { volsize, rawSha256 }: RealStream): void {
  const disk = join(folder, 'disk.raw');
  // Of a volume of no whole MiB, vhd would have made zeros follow.
  const line = 'head -c "$1" "$2" | sha256sum && tail -c +$(($1 + 1)) "$2" | tr -d "\\0" | wc -c';
  const [sum, rest] = run('bash', '-c', line, 'bash', String(volsize), disk).split('\n');
  expect(sum?.slice(0, 64)).toBe(rawSha256);
  expect(rest).toBe('0');
  for (const [name, format] of Object.entries(IN_QEMU)) {
    const image = join(folder, `disk.${name}`);
    compareWithRaw(format, name === 'ova' ? vmdkIn(image) : image, disk);
  }
  expect(statSync(join(folder, 'disk.vhd')).size).toBe(statSync(disk).size + 512);
}

function vmdkIn(ova: string): string {
  const folder = temporaryFolder();
  run('tar', '-C', folder, '-xf', ova);
  return join(folder, readdirSync(folder).find((name) => name.endsWith('.vmdk')) ?? 'no vmdk');
}

describeWith(['qemu-img'], 'in every format', () => {
  test.each(full.map((stream) => [stream.name, stream] as const))(
    '%s is its disk',
    async (_, stream) => {
      const folder = temporaryFolder();
      await makeAll(stream.path, folder);
      checkAll(folder, stream);
    },
  );

  test.each(increments)('$name upon $base.name is its disk', async ({ stream, base }) => {
    const folder = temporaryFolder();
    await makeAll(stream.path, folder, { flatten: base.path });
    checkAll(folder, stream);
  });
});
