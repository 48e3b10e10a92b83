import { stat } from 'node:fs/promises';
import { openSource } from '../../open/open-source.ts';
import { warningsFor } from '../../inspect/warnings-for.ts';
import { shownName } from '../../remote/open-remote.ts';
import type { Warning } from '../../errors.ts';
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
import { importTarget } from './import-target.ts';
import { pathOfDisk } from './path-of-disk.ts';
import type { Plan } from './plan.ts';
import { sourceOptions } from './source-options.ts';
import { type DiskSizes, maxImageSize, placesOf, spaceWarnings } from './space.ts';

/**
 * Says what an export of a disk would read and write, and does neither: no snapshot is taken, and
 * nothing is read from a pipe. Returns the exit status; throws a KexportError as the export would.
 */
export async function dryRun(name: string, plan: Plan, options: Options): Promise<number> {
  const warnings: Warning[] = [];
  const disk = await lookAt(name, plan, options, warnings);
  const most = disk.size === undefined ? undefined : maxImageSize(disk);
  const places = await placesOf(plan);
  warnings.push(...spaceWarnings(places, disk));
  if (options.json) {
    const images = plan.outputs.map(({ format, path }) => ({
      format: format.name,
      file: path,
      maxSize: most,
    }));
    const folders = places.map(({ folder, free }) => ({ folder, free }));
    const said = warnings.map(warningJson);
    const { size: virtualSize, dataSize } = disk;
    const facts = { dryRun: true, source: shownName(name), virtualSize, dataSize };
    await print(jsonText({ ...facts, images, folders, warnings: said }));
    return 0;
  }
  const limit = most === undefined ? 'unknown' : formatSize(most);
  const rows = plan.outputs.map(({ format, path }) => [format.name, path, limit]);
  tell(
    [
      `${printable(describeSource(disk, shownName(name)))}\n`,
      formatTable([['FORMAT', 'FILE', 'AT MOST'], ...rows]),
      ...places.map(({ folder, free }) => `${formatSize(free)} are free in ${printable(folder)}\n`),
      ...warnings.map((warning) => `kexport: warning: ${printable(warning.inNotation(asFlag))}\n`),
      'nothing was written: --dry-run\n',
    ].join(''),
  );
  return 0;
}

async function lookAt(
  name: string,
  plan: Plan,
  options: Options,
  warnings: Warning[],
): Promise<DiskSizes> {
  const found = await stat(pathOfDisk(name)).catch(() => undefined);
  const isRead = found === undefined || found.isFile() || found.isBlockDevice();
  if (!isRead || options.incrementalFrom !== undefined) return { size: options.size };
  const source = await openSource(name, {
    ...sourceOptions(options),
    takeSnapshot: false,
    // That no snapshot is taken is this run's own doing.
    onWarning: (warning) => {
      if (warning.code !== 'inconsistent') warnings.push(warning);
    },
  });
  try {
    warnings.push(...(await warningsFor(source, importTarget(plan, options))));
    const { size, dataSize } = source;
    return { size, dataSize };
  } finally {
    await source.close();
  }
}
