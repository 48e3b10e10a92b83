import { host } from '#host';
import type { BlockMap } from '../../formats/bmap/index.ts';
import { roundUp, wholeSectors } from '../../formats/rounding.ts';
import { defaultCompressor } from '../compress/open-compressor.ts';
import { Warning } from '../errors.ts';
import { openBlockMap } from './block-map.ts';
import { copyBlocks } from './copy-blocks.ts';
import { type DiskDigest, diskDigest } from './disk-digest.ts';
import { endImage, finishImage, startImage, type Target } from './image.ts';
import type { PreparedDisk } from './prepare-disks.ts';
import { sizeMultiple } from './prepare-source.ts';
import type { Run } from './run.ts';

/** A disk that was read, and whose own images are finished. */
export interface CopiedDisk extends Pick<PreparedDisk, 'targets' | 'bmap' | 'onProgress'> {
  /** In bytes, in the source. */
  readonly sourceSize: number;
  /** In bytes, in every image. */
  readonly diskSize: number;
  /** What was read, see `DiskDigest`; undefined unless the images are verified. */
  readonly digest: string | undefined;
  readonly blockMap: BlockMap | undefined;
}

/**
 * Reads a disk into its own images and into those of the machine, and finishes its own. Calls
 * `close` once the source is no longer needed, also after a failure.
 */
export async function copyDisk(
  prepared: PreparedDisk,
  machines: readonly Target[],
  run: Run,
  close: () => Promise<void>,
): Promise<CopiedDisk> {
  const { source, targets, bmap, onProgress } = prepared;
  const { images, results, stop, options } = run;
  const digest = options.verify ? diskDigest() : undefined;
  const blockMap = bmap && (await openBlockMap(source));
  const own = images.group(targets);
  const whole = images.group(machines);
  try {
    await startAll(prepared, machines, run);
    await copyAll(prepared, machines, run, { digest, blockMap });
  } finally {
    await close();
  }
  const sizes = finalSizes(prepared, machines, run);
  await own.each(async (image) => {
    await endImage(image, sizes.diskSize, stop.signal, onProgress);
    results.set(image.target, await finishImage(image, stop.signal, onProgress));
  });
  await whole.each(async ({ writer, output }) => {
    writer.finish(sizes.diskSize);
    await output.flush(stop.signal);
  });
  return { targets, bmap, onProgress, ...sizes, digest: digest?.result(), blockMap };
}

async function startAll(
  { disk, targets }: PreparedDisk,
  machines: readonly Target[],
  { images, whole, encodings, hashes }: Run,
): Promise<void> {
  const formats = [...targets, ...machines].map(({ format }) => format);
  await images
    .group(targets)
    .start((target) => startImage(target, encodings.of(target.format), disk, formats, hashes));
  await images.group(machines).start((target) => whole.startDisk(target));
}

async function copyAll(
  { source, targets, onProgress }: PreparedDisk,
  machines: readonly Target[],
  { images, encodings, options, stop }: Run,
  readers: { readonly digest: DiskDigest | undefined; readonly blockMap: BlockMap | undefined },
): Promise<void> {
  await copyBlocks({
    source,
    images: images.group([...targets, ...machines]),
    encodings: encodings.distinct,
    threads: options.threads ?? host.availableParallelism(),
    compressor: options.compressor ?? defaultCompressor(),
    stop,
    onProgress,
    ...readers,
  });
}

function finalSizes(
  { original, disk, targets }: PreparedDisk,
  machines: readonly Target[],
  { options }: Run,
): Pick<CopiedDisk, 'sourceSize' | 'diskSize'> {
  const { name, size: sourceSize } = original;
  if (sourceSize === undefined) throw new Error(`${name} has ended without a size`);
  const formats = [...targets, ...machines].map(({ format }) => format);
  const diskSize = roundUp(sourceSize, sizeMultiple(formats));
  const isStreamed = disk.size === undefined; // when the first block was read
  if (isStreamed && diskSize !== wholeSectors(sourceSize)) {
    options.onWarning?.(
      new Warning(
        'backup-gpt',
        `${name}: rounded up from ${sourceSize} to ${diskSize} bytes; the size of a pipe is known too late to move the \
backup of a GPT to the new end (sgdisk -e does it in the machine; where the size is stated, it is moved)`,
      ),
    );
  }
  return { sourceSize, diskSize };
}
