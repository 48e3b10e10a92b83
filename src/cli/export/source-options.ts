import { KexportError, option, wording } from '../../errors.ts';
import type { SentChoice, SourceOptions } from '../../open/source-options.ts';
import { type PackedKind, packedNamed } from '../../images/image-kind.ts';
import type { Options } from '../options/options.ts';

const FOR_STREAMS = ['streamVolume', 'streamSnapshot', 'flatten', 'incrementalFrom'] as const;

/** The options for a zfs send stream, by their names in the library. */
export function sentChoice(options: Options): SentChoice {
  const { streamVolume, streamSnapshot, flatten, incrementalFrom } = options;
  return { streamVolume, streamSnapshot, flatten, incrementalFrom };
}

/**
 * The options to open a disk, by their names in the library. Throws a KexportError for options that
 * exclude each other. None is ignored.
 */
export function sourceOptions(options: Options): SourceOptions {
  const { size, threads, readHoles, cachedRead, liveInconsistent, from } = options;
  const { ovaDisk, internalSnapshot } = options;
  const { allowBacking, allowTruncated, connections, endpoint } = options;
  const { noSnapshot, snapshotSize } = options;
  const takeSnapshot = !noSnapshot;
  const common = {
    ...{ size, threads, readHoles, cachedRead, liveInconsistent },
    ...{ allowBacking, allowTruncated, takeSnapshot, snapshotSize, connections, endpoint },
  };
  const sent = sentChoice(options);
  const given = FOR_STREAMS.find((name) => sent[name] !== undefined);
  if (given) {
    const isImage = from !== undefined && from !== 'zfs-send' && !packedNamed(from);
    if (isImage || ovaDisk !== undefined) {
      const other = isImage ? from : 'an OVA';
      const what = wording`${option(given)} is for zfs send streams, not for ${other}`;
      throw new KexportError('usage', what);
    }
    // Checked above: of all names, those of a compression and that of a stream are left.
    return { ...common, ...sent, from: from as 'zfs-send' | PackedKind | undefined };
  }
  if (ovaDisk === undefined) return { ...common, from, internalSnapshot };
  if (from !== undefined && from !== 'ova' && from !== 'vma') {
    throw new KexportError('usage', `--ova-disk is for an OVA, not for ${from}`);
  }
  return { ...common, ovaDisk, from };
}
