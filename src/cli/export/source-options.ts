import type { SourceOptions } from '../../open/source-options.ts';
import type { Options } from '../options/options.ts';

/** The options of the command line that say how a disk is opened, by the library's names. */
export function sourceOptions(options: Options): SourceOptions {
  return {
    size: options.size,
    from: options.from,
    backing: options.allowBacking,
    archiveDisk: options.ovaDisk,
    threads: options.threads,
    readHoles: options.readHoles,
    snapshot: !options.noSnapshot,
    liveInconsistent: options.liveInconsistent,
    volume: options.streamVolume,
    sentSnapshot: options.streamSnapshot,
    flatten: options.flatten,
    incrementalFrom: options.incrementalFrom,
  };
}
