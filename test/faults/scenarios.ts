// What is done with faults: an export in each format, of each kind of source, and to each kind of
// target. Takes the library as an argument, since that is loaded after the faults are installed.

import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Format, FormatName } from '../../formats/index.ts';
import type { Sink, SourceOptions } from '../../src/index.ts';
import { noise, text, withPartition } from '../support/disks.ts';
import { HAS_ZSTD } from '../support/zstd.ts';

type Library = typeof import('../../src/index.ts');

/** Something to do once for each fault. */
export interface Scenario {
  readonly name: string;
  /** Makes the image. It can also read it back. */
  run(verify: boolean): Promise<void>;
  /** What was made; undefined: no image, such as of a check. */
  result(): Buffer | undefined;
  /** A target that exists, and is not whole after a failure. */
  readonly isDevice?: boolean;
}

const MIB = 2 ** 20;
export const DISK = withPartition(Buffer.concat([noise(MIB), Buffer.alloc(MIB), text(MIB)]));
const IDENTITY = { name: 'x', uuid: new Uint8Array(16), createdAt: 1e9 };
/** Images that are read too. */
const IMAGES = ['qcow2', 'vmdk', 'vhd-dynamic', 'vhdx', 'vdi', 'ova', 'gce', 'raw.gz'] as const;
// npm runs it in the folder of the package.
const STREAMS = join(process.cwd(), 'fixtures', 'zfs-send');

/**
 * All scenarios. The files that they read are made in `folder`, the images are `image` in it.
 * `device` is a block device of the size of the disk; undefined: none is written.
 */
export async function scenarios(
  library: Library,
  folder: string,
  device: string | undefined,
): Promise<readonly Scenario[]> {
  const {
    encode,
    encodeOverlay,
    FORMATS,
    openChanges,
    openImageFile,
    openSource,
    verifyImageFiles,
  } = library;
  const path = join(folder, 'image');
  const formats = (Object.keys(FORMATS) as FormatName[]).filter(
    (name) => HAS_ZSTD || name !== 'raw.zst',
  );

  const exportTo = async (
    openSink: () => Promise<Sink>,
    source: string,
    format: Format,
    { verify, ...options }: SourceOptions & { verify: boolean },
  ) => {
    const opened = await openSource(source, { takeSnapshot: false, ...options });
    const sink = await openAfter(opened, openSink);
    await encode(opened, [{ format, sink }], { identity: IDENTITY, verify, threads: 1 });
  };
  const toFile = (source: string, format: Format, options: SourceOptions & { verify: boolean }) =>
    exportTo(() => library.fileSink(path), source, format, options);

  const disk = join(folder, 'disk');
  const base = join(folder, 'base.qcow2');
  writeFileSync(disk, DISK);
  execFileSync('fallocate', ['--dig-holes', disk]); // so that its holes are looked for
  await toFile(join(STREAMS, 'grow-full-a.zfs'), FORMATS.qcow2(), { verify: false });
  renameSync(path, base);
  for (const name of IMAGES) {
    await toFile(disk, FORMATS[name](), { verify: false });
    renameSync(path, join(folder, `of-${name}`));
  }

  const result = () => readFileSync(path);
  const increment = join(STREAMS, 'grow-inc-b.zfs');
  const { raw, qcow2 } = FORMATS;
  return [
    ...formats.map((name) => ({
      name,
      run: (verify: boolean) => toFile(disk, FORMATS[name](), { verify }),
      result,
    })),
    ...IMAGES.map((from) => ({
      name: `from ${from}`,
      run: (verify: boolean) => toFile(join(folder, `of-${from}`), raw(), { from, verify }),
      result,
    })),
    {
      name: 'increment',
      run: (verify: boolean) => toFile(increment, qcow2(), { flatten: base, verify }),
      result,
    },
    {
      name: 'overlay',
      run: async () => {
        const changes = await openChanges(increment);
        const sink = await openAfter(changes, () => library.fileSink(path));
        await encodeOverlay(changes, sink, { backingFile: base, threads: 1 });
      },
      result,
    },
    {
      name: 'check',
      run: async () => {
        const against = await openSource(disk);
        const image = await openAfter(against, () =>
          openImageFile(join(folder, 'of-qcow2'), { from: 'qcow2' }),
        );
        await verifyImageFiles(image, { against, threads: 1 });
      },
      result: () => undefined,
    },
    ...(device === undefined ? [] : [toDevice(device)]),
  ];

  function toDevice(to: string): Scenario {
    return {
      name: 'device',
      run: (verify) => exportTo(() => library.deviceSink(to), disk, raw(), { verify }),
      result: () => readFileSync(to),
      isDevice: true,
    };
  }
}

/** Opens something; closes what was opened before if that fails. */
async function openAfter<Opened>(
  before: { close(): Promise<void> },
  open: () => Promise<Opened>,
): Promise<Opened> {
  try {
    return await open();
  } catch (error) {
    await before.close();
    throw error;
  }
}
