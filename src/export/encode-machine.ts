// Exports the disks of a machine, one after the other: prepares the loop in `copy-blocks.ts` for
// each, and finishes the images after the last.

import { host } from '#host';
import { hashThreads } from '../hash/hash-threads.ts';
import { throwIfAborted, unexpectedFailure } from '../errors.ts';
import { settle } from '../sinks/sink.ts';
import type { Source } from '../sources/source.ts';
import { writeBlockMap } from './block-map.ts';
import { checkExport } from './check-export.ts';
import { type CopiedDisk, copyDisk } from './copy-disk.ts';
import type { EncodeMachineOptions } from './encode-options.ts';
import { chooseEncodings } from './encodings.ts';
import { finishImage, type ImageResult, type Target } from './image.ts';
import { type Failure, imageSet } from './image-set.ts';
import type { MachineDisk } from './machine-disk.ts';
import { machineImages } from './machine-images.ts';
import { identityOf, type PreparedDisk, prepareDisks } from './prepare-disks.ts';
import type { Run } from './run.ts';
import { takeOnce } from './take-once.ts';

/** Result of {@link encodeMachine}. */
export interface MachineResult {
  /** What became of each disk, in their order. */
  readonly disks: readonly DiskResult[];
  /** The images of the whole machine that did not fail, in the order of the targets. */
  readonly machines: readonly ImageResult[];
  /** The images that failed; empty without `keepGoing`. */
  readonly failures: readonly Failure[];
}

/** A disk of a machine that was exported. */
export interface DiskResult {
  /** Size of the disk in the source, in bytes. */
  readonly sourceSize: number;
  /** Size of the disk in every image, in bytes: rounded up to one that every format can have. */
  readonly diskSize: number;
  /** The images of this disk that did not fail, in the order of the targets. */
  readonly images: readonly ImageResult[];
}

/**
 * Makes images of the disks of a machine: of each disk its own, and of all of them those of
 * `machines`, whose formats must hold several disks (`Format.machine`). The disks are read one
 * after the other, each once; the machine boots from the first. With `machines`, a disk of unknown
 * size is spooled first. Owns the sources and the sinks: when it returns, every image has its final
 * name; when it throws, none is left behind. Throws a KexportError for every failure that is not a
 * bug; of the code `usage` for a source or a sink that an export has taken before.
 */
export async function encodeMachine(
  disks: readonly MachineDisk[],
  machines: readonly Target[],
  options: EncodeMachineOptions = {},
): Promise<MachineResult> {
  await takeOnce(disks, machines);
  const stop = new AbortController();
  const unlink = link(options.signal, stop);
  const targets = [...disks.flatMap((disk) => disk.targets), ...machines];
  const images = imageSet(targets, options.keepGoing ?? false);
  const bmaps = disks.flatMap(({ bmap }) => bmap ?? []);
  const open = new Set(disks.map(({ source }) => source));
  const hashes = hashThreads(options.threads ?? host.availableParallelism());
  try {
    await checkExport(disks, machines, options);
    const identity = identityOf(options);
    const how = { ...options, identity, signal: stop.signal };
    const prepared = await prepareDisks(disks, machines, open, how);
    const formats = targets.map(({ format }) => format);
    const encodings = chooseEncodings(formats, options);
    const ofDisks = prepared.map(({ disk }) => disk);
    const whole = machineImages(identity.name, ofDisks, encodings, hashes);
    const run: Run = { options, encodings, images, whole, hashes, results: new Map(), stop };
    const copied = await copyAll(prepared, machines, open, run);
    await finishMachines(machines, run);
    if (options.verify) await verify(copied, machines, run);
    for (const { bmap, blockMap, diskSize } of copied) {
      if (bmap) await writeBlockMap(bmap, blockMap?.finish(diskSize), stop.signal);
    }
    await options.onFinished?.();
    throwIfAborted(stop.signal);
    await images.commit();
    for (const bmap of bmaps) await bmap.commit();
    await options.onCommitted?.();
    await images.settle();
    for (const bmap of bmaps) await settle(bmap);
    return resultOf(copied, machines, run);
  } catch (error) {
    await Promise.all([images.discard(), ...bmaps.map((bmap) => bmap.discard())]);
    const names = disks.map(({ source }) => source.name).join(', ');
    throw unexpectedFailure(`cannot export ${names}`, error);
  } finally {
    await Promise.all([...[...open].map((source) => source.close()), hashes.close()]);
    unlink();
  }
}

/** Closes each source once its disk is copied: it may hold a snapshot. */
async function copyAll(
  prepared: readonly PreparedDisk[],
  machines: readonly Target[],
  open: Set<Source>,
  run: Run,
): Promise<CopiedDisk[]> {
  const copied: CopiedDisk[] = [];
  for (const disk of prepared) {
    const close = async () => {
      open.delete(disk.source);
      await disk.source.close();
    };
    copied.push(await copyDisk(disk, machines, run, close));
  }
  return copied;
}

async function finishMachines(machines: readonly Target[], run: Run): Promise<void> {
  const { images, whole, results, stop, options } = run;
  await images.group(machines).each(async (image) => {
    await whole.finish(image.target);
    results.set(image.target, await finishImage(image, stop.signal, options.onProgress));
  });
}

/** Reads every image back: of a machine, every disk. */
async function verify(
  copied: readonly CopiedDisk[],
  machines: readonly Target[],
  { images, results, options, stop }: Run,
): Promise<void> {
  // Imported on demand: it needs the readers of all formats, and most exports are not verified.
  const { verifyAll } = await import('./verify-written.ts');
  const how = { threads: options.threads, signal: stop.signal };
  for (const disk of copied) {
    await verifyAll(images.group(disk.targets), results, { ...how, disks: [disk] });
  }
  await verifyAll(images.group(machines), results, { ...how, disks: copied });
}

function resultOf(
  copied: readonly CopiedDisk[],
  machines: readonly Target[],
  { images, results }: Run,
): MachineResult {
  const { failures } = images;
  const failed = new Set(failures.map(({ target }) => target));
  const madeOf = (targets: readonly Target[]) =>
    targets.flatMap((target) => {
      const result = failed.has(target) ? undefined : results.get(target);
      return result ? [{ ...result, ids: target.sink.ids }] : [];
    });
  return {
    disks: copied.map(({ sourceSize, diskSize, targets }) => ({
      sourceSize,
      diskSize,
      images: madeOf(targets),
    })),
    machines: madeOf(machines),
    failures,
  };
}

/** Forwards an abort of the caller to `stop`. Returns a function that ends this. */
function link(signal: AbortSignal | undefined, stop: AbortController): () => void {
  const pass = () => {
    stop.abort(signal?.reason);
  };
  if (signal?.aborted) pass();
  signal?.addEventListener('abort', pass);
  return () => signal?.removeEventListener('abort', pass);
}
