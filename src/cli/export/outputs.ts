import { host } from '#host';
import { KexportError } from '../../errors.ts';
import { levelsOf } from '../../export/encodings.ts';
import type { Target } from '../../export/image.ts';
import { hashThreads } from '../../hash/hash-threads.ts';
import { isRemote } from '../../remote/open-remote.ts';
import { fileSink } from '../../sinks/file.ts';
import { hashed, type HashedSink } from '../../sinks/hashed.ts';
import type { Sink } from '../../sinks/sink.ts';
import { checksumsFile, type RunChecksums } from './checksums.ts';
import { checkNotRead, openOutput, type OpenOptions, type OutputDisk } from './open-output.ts';
import type { Output, Plan } from './plan.ts';

/** The open outputs of an export. */
export interface Outputs {
  /** The plan that was followed. */
  readonly plan: Plan;
  /** Those of each disk alone, in the order of the disks. */
  readonly targets: readonly (readonly Target[])[];
  /** Those of all disks. */
  readonly machines: readonly Target[];
  /** The block map of each disk, if requested. */
  readonly bmaps: readonly Sink[];
  /** The images whose sums are wanted. */
  readonly hashed: readonly HashedSink[];
  /** Permissions of the images; undefined for those that the umask leaves. */
  readonly fileMode: number | undefined;
  /** SHA256SUMS and the images to list in it, if requested. */
  readonly checksums: RunChecksums | undefined;
}

/**
 * Opens every output of a plan, or of the next plan if its names are taken and were not requested.
 * If one fails, closes all of them and removes their files.
 */
export async function openOutputs(
  plan: Plan,
  disks: readonly OutputDisk[],
  options: OpenOptions,
): Promise<Outputs> {
  if (!plan.next) return openAll(plan, disks, options);
  try {
    return await openAll(plan, disks, { ...options, force: false });
  } catch (error) {
    if (!(error instanceof KexportError) || error.code !== 'exists') throw error;
    return openOutputs(plan.next(), disks, options);
  }
}

async function openAll(
  plan: Plan,
  disks: readonly OutputDisk[],
  options: OpenOptions,
): Promise<Outputs> {
  const opened: Sink[] = [];
  const keep = <S extends Sink>(sink: S): S => {
    opened.push(sink);
    return sink;
  };
  const images: HashedSink[] = [];
  const hashes = hashThreads(options.threads ?? host.availableParallelism());
  try {
    const targets: Target[][] = disks.map(() => []);
    const machines: Target[] = [];
    for (const output of plan.outputs) {
      const { format, zipEntry } = output;
      const plain = isPlain(output, plan);
      let sink = keep(await openOutput(output, { ...options, disks, plain }));
      // What cannot go back is written front to back, if need be from a temporary file.
      const inOrder = !sink.seekable || format.streaming === 'always' || streamsNow(output, disks);
      // A device or a pipe cannot be read back.
      const isHashed = options.json === true && (inOrder || sink.read !== undefined);
      if (plan.checksums !== undefined || isHashed) {
        const hashing = hashed(sink, inOrder, hashes.open('sha256'));
        images.push(hashing);
        sink = hashing;
      }
      if (zipEntry !== undefined) {
        const { gzipStream } = await import('../../compress/gzip-stream.ts');
        const { zipped } = await import('../../sinks/zipped.ts'); // fifty modules
        const { createdAt } = plan.identity;
        const { threads, compressor } = options;
        const gzip = gzipStream({ level: levelsOf(options).level, threads, compressor });
        sink = keep(await zipped(sink, { entryName: zipEntry, createdAt, gzip }));
      }
      const own = output.disk === undefined ? machines : targets[output.disk];
      own?.push({ format, sink, fileName: output.fileName });
    }
    const bmaps: Sink[] = [];
    for (const path of plan.bmaps) bmaps.push(await openBmap(path));
    const { checksums: sums } = plan;
    if (sums !== undefined) await checkNotRead(sums, sums, { ...options, disks });
    const file = sums === undefined ? undefined : checksumsFile(sums, options);
    const checksums = file && { file, images: images.filter(({ name }) => !isRemote(name)) };
    const { fileMode } = options;
    return { plan, targets, machines, bmaps, hashed: images, fileMode, checksums };
  } catch (error) {
    await Promise.all(opened.map((sink) => sink.discard()));
    throw error;
  }

  async function openBmap(path: string): Promise<Sink> {
    const { force, mode, fileMode: widestMode } = options;
    await checkNotRead(path, path, { ...options, disks });
    const sink = keep(await fileSink(path, { force, mode, widestMode }));
    if (plan.checksums === undefined) return sink;
    const hashing = hashed(sink, true, hashes.open('sha256'));
    images.push(hashing);
    return hashing;
  }
}

/** Whether an image goes to its output as it is, neither hashed for SHA256SUMS nor zipped. */
export function isPlain({ zipEntry }: Output, { checksums }: Plan): boolean {
  return zipEntry === undefined && checksums === undefined;
}

/** The sums of images that were made, by their names. */
export function sumsOf(images: readonly HashedSink[]): ReadonlyMap<string, string> {
  return new Map(images.flatMap(({ name, sha256 }) => (sha256 ? [[name, sha256]] : [])));
}

/** Whether the format writes its disk front to back. The sizes of a machine's disks are known. */
function streamsNow({ format, disk }: Output, disks: readonly OutputDisk[]): boolean {
  if (format.streaming !== 'size-first') return false;
  return disk === undefined || disks[disk]?.size !== undefined;
}
