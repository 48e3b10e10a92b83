import { encodeMachine, type MachineResult } from '../../export/encode-machine.ts';
import { compressionOf } from '../../export/encodings.ts';
import { inspectSource } from '../../inspect/inspect-source.ts';
import { limitedSource } from '../../sources/rate-limit.ts';
import type { Source } from '../../sources/source.ts';
import { withChecksums } from './checksums.ts';
import { diskWarnings } from './disk-warnings.ts';
import type { ExportJob } from './export-job.ts';
import { detail } from '../command-line/messages.ts';
import { describeSource } from '../print/source.ts';
import type { Options } from '../options/options.ts';
import type { Plan } from './plan.ts';
import { placesOf, spaceWarnings } from './space.ts';
import { modeOfImages } from './mode-of-images.ts';
import { withGuest } from './with-guest.ts';
import { openOutputs, type Outputs, sumsOf } from './outputs.ts';

/** What became of an export. */
export interface ExportResult extends MachineResult {
  /** SHA-256 of the images that were hashed, in hexadecimal digits, by their names. */
  readonly sha256: ReadonlyMap<string, string>;
  /** Permissions that the images got; undefined for those that the umask left. */
  readonly fileMode: number | undefined;
}

/** Makes images of the whole disks of a job. Throws a KexportError if no image was made. */
export async function exportImages(job: ExportJob): Promise<ExportResult> {
  const { options, signal, onProgress, onWarning } = job;
  const { threads, compressor, keepGpt, keepGoing, verify, limitRate } = options;
  const imagePaths = pathsOf(job.plan, options);
  const opened = await job.open({ imagePaths, signal, onWarning });
  const sources = opened.map((source) =>
    limitRate === undefined ? source : limitedSource(source, limitRate),
  );
  const outputs = await openFor(sources, job);
  const { plan, targets, machines, bmaps, hashed, checksums, fileMode } = outputs;
  const disks = sources.map((source, index) => ({
    source,
    targets: targets[index] ?? [],
    bmap: bmaps[index],
  }));
  const result = await withChecksums(checksums, (steps) =>
    encodeMachine(disks, machines, {
      ...compressionOf(options),
      ...{ threads, compressor, keepGpt, keepGoing, verify },
      identity: plan.identity,
      ...{ signal, onProgress, onWarning },
      ...steps,
    }),
  );
  return { ...result, sha256: sumsOf(hashed), fileMode };
}

/** The paths of all that an export writes on this machine. */
function pathsOf({ outputs, bmaps, checksums }: Plan, { logFile }: Options): string[] {
  const images = outputs.filter(({ address, path }) => address === undefined && path !== '-');
  const paths = [...images.map(({ path }) => path), ...bmaps, checksums, logFile];
  return paths.filter((path) => path !== undefined);
}

/** Prints the import warnings, and opens the outputs. Closes the sources if it throws. */
async function openFor(sources: readonly Source[], job: ExportJob): Promise<Outputs> {
  const { disks, plan, options, signal, onWarning } = job;
  try {
    sources.forEach((source, index) => detail(describeSource(source, disks[index]?.name ?? '')));
    const facts = await Promise.all(sources.map(inspectSource));
    const named = disks.map(({ name }, index) => ({ name, facts: facts[index] }));
    for (const warning of diskWarnings(named, plan, options)) onWarning(warning);
    for (const warning of spaceWarnings(await placesOf(plan), sources)) onWarning(warning);
    const paths = disks.map(({ path }) => path);
    const read = sources.map(({ origin, size }, index) => ({
      name: origin ?? paths[index] ?? '',
      size,
    }));
    const fileMode = await modeOfImages(paths, options);
    const planned = await withGuest(plan, { source: sources[0], facts: facts[0] }, options);
    return await openOutputs(planned, read, { ...options, signal, onWarning, fileMode });
  } catch (error) {
    await closeAll(sources);
    throw error;
  }
}

async function closeAll(sources: readonly Source[]): Promise<void> {
  await Promise.all(sources.map((source) => source.close()));
}
