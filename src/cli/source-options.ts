import { KexportError, option, wording } from '../errors.ts';
import type { SentChoice, SourceOptions } from '../open/source-options.ts';
import type { ExportOptions } from './export-options.ts';

const FOR_STREAMS = ['volume', 'sentSnapshot', 'flatten', 'incrementalFrom'] as const;

/**
 * What an export of a whole disk says of its source. Throws a KexportError for options that do not go together: none is
 * ignored.
 */
export function sourceOptions(options: ExportOptions): SourceOptions {
  const { size, threads, readHoles, liveInconsistent, from, archiveDisk } = options;
  const { snapshot, backing, volume, flatten, incrementalFrom } = options;
  const common = {
    ...{ size, threads, readHoles, liveInconsistent },
    takeSnapshot: snapshot !== false,
    allowBacking: backing === true,
  };
  const sentSnapshot = snapshot === false ? undefined : snapshot;
  const sent: SentChoice = { volume, sentSnapshot, flatten, incrementalFrom };
  const given = FOR_STREAMS.find((name) => sent[name] !== undefined);
  if (given) {
    const isImage = from !== undefined && from !== 'zfs-send' && from !== 'gz' && from !== 'zip';
    if (isImage || archiveDisk !== undefined) {
      const other = isImage ? from : 'archives';
      throw new KexportError(
        'usage',
        wording`${option(given)} is for zfs send streams, not for ${other}`,
      );
    }
    return { ...common, ...sent, from };
  }
  if (archiveDisk === undefined) return { ...common, from };
  if (from !== undefined && from !== 'ova') {
    throw new KexportError('usage', `--archive-disk is for archives, not for ${from}`);
  }
  return { ...common, archiveDisk, from };
}
