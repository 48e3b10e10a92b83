import { stat, statfs } from 'node:fs/promises';
import { ZFS } from '../../host/file-systems.ts';
import { openSource } from '../../open/open-source.ts';
import { checkDiskSize } from '../../export/image.ts';
import { inspectSource } from '../../inspect/inspect-source.ts';
import type { Warning } from '../../errors.ts';
import type { Source } from '../../sources/source.ts';
import { tell } from '../command-line/messages.ts';
import { print } from '../command-line/print.ts';
import { asFlag } from '../options/flags.ts';
import type { Options } from '../options/options.ts';
import { warningJson } from '../print/error.ts';
import { jsonText } from '../print/lines.ts';
import { printable } from '../print/printable.ts';
import { formatSize } from '../print/sizes.ts';
import { describeSource } from '../print/source.ts';
import { formatTable } from '../print/table.ts';
import { diskWarnings } from './disk-warnings.ts';
import { checkOutput, disksOf } from './open-output.ts';
import { isPlain } from './outputs.ts';
import type { NamedDisk } from './named-disks.ts';
import { pathOfDisk } from './path-of-disk.ts';
import type { Plan } from './plan.ts';
import { type DiskSizes, maxOutputSize, placesOf, spaceWarnings } from './space.ts';

/**
 * Says what an export of disks would read and write, and does neither: no snapshot is taken, and
 * nothing is read from a pipe. Returns the exit status; throws a KexportError as the export would.
 */
export async function dryRun(
  disks: readonly NamedDisk[],
  plan: Plan,
  options: Options,
): Promise<number> {
  const { sizes, warnings } = await lookAtAll(disks, plan, options);
  const places = await placesOf(plan);
  warnings.push(...spaceWarnings(places, sizes));
  if (options.json) {
    const images = plan.outputs.map((output) => ({
      disk: disks.length === 1 || output.disk === undefined ? undefined : output.disk + 1,
      format: output.format.name,
      file: output.path,
      maxSize: maxOutputSize(output, sizes),
    }));
    const folders = places.map(({ folder, free }) => ({ folder, free }));
    const said = warnings.map(warningJson);
    const facts = sizes.map(({ size: virtualSize, dataSize }, index) => ({
      source: disks[index]?.name,
      virtualSize,
      dataSize,
    }));
    const [first] = facts;
    const ofDisks = disks.length === 1 ? first : { disks: facts };
    await print(jsonText({ dryRun: true, ...ofDisks, images, folders, warnings: said }));
    return 0;
  }
  const rows = plan.outputs.map((output) => {
    const most = maxOutputSize(output, sizes);
    return [output.format.name, output.path, most === undefined ? 'unknown' : formatSize(most)];
  });
  tell(
    [
      ...sizes.map(
        (size, index) => `${printable(describeSource(size, disks[index]?.name ?? ''))}\n`,
      ),
      formatTable([['FORMAT', 'FILE', 'AT MOST'], ...rows]),
      ...places.map(({ folder, free }) => `${formatSize(free)} are free in ${printable(folder)}\n`),
      ...warnings.map((warning) => `kexport: warning: ${printable(warning.inNotation(asFlag))}\n`),
      'nothing was written: --dry-run\n',
    ].join(''),
  );
  return 0;
}

/** A disk that was looked at; no source of one that this would read from. */
interface Looked {
  readonly name: string;
  readonly source: Source | undefined;
}

async function lookAtAll(
  disks: readonly NamedDisk[],
  plan: Plan,
  options: Options,
): Promise<{ readonly sizes: readonly DiskSizes[]; readonly warnings: Warning[] }> {
  const warnings: Warning[] = [];
  const found: Looked[] = [];
  try {
    for (const disk of disks) {
      found.push({ name: disk.name, source: await lookAt(disk, options, warnings) });
    }
    const inspected = found.map(async ({ name, source }) => ({
      name,
      facts: source && (await inspectSource(source)),
    }));
    warnings.push(...diskWarnings(await Promise.all(inspected), plan, options));
    const sizes = found.map(({ source }) =>
      source ? { size: source.size, dataSize: source.dataSize } : { size: options.size },
    );
    await checkOutputs(found, plan, options);
    return { sizes, warnings };
  } finally {
    for (const { source } of found) await source?.close();
  }
}

/** Throws as the export would, while the disks are open. */
async function checkOutputs(found: readonly Looked[], plan: Plan, options: Options): Promise<void> {
  const disks = found.map(({ name, source }) => ({
    name: source?.origin ?? name,
    size: source ? source.size : options.size,
  }));
  const force = options.force === true || plan.next !== undefined; // else it takes other names
  for (const output of plan.outputs) {
    for (const { size } of disksOf(output, disks)) {
      if (size !== undefined) checkDiskSize(output.format, size);
    }
    await checkOutput(output, { ...options, force, disks, plain: isPlain(output, plan) });
  }
}

/**
 * Opens a disk, without a snapshot of what lies on ZFS or LVM; undefined for one that this would
 * read from, such as a pipe.
 */
async function lookAt(
  { path, options: how }: NamedDisk,
  options: Options,
  warnings: Warning[],
): Promise<Source | undefined> {
  const found = await stat(pathOfDisk(path)).catch(() => undefined);
  const isRead = found === undefined || found.isFile() || found.isBlockDevice();
  if (!isRead || options.incrementalFrom !== undefined) return undefined;
  // A file that is not on ZFS is read as it is by the export, too.
  const isSnapshotted = !found?.isFile() || (await statfs(pathOfDisk(path))).type === ZFS;
  return openSource(path, {
    ...how,
    takeSnapshot: isSnapshotted ? false : how.takeSnapshot,
    onWarning: (warning) => {
      // That no snapshot is taken is this run's own doing.
      if (!isSnapshotted || warning.code !== 'inconsistent') warnings.push(warning);
    },
  });
}
