import type { Options } from '../cli/options/options.ts';
import type { BrowserSourceOptions } from '../open/open-in-browser.ts';

/** The options of the command that say how a disk is read. */
export function sourceOptions(options: Options): BrowserSourceOptions {
  const { size, from, ovaDisk, internalSnapshot, allowTruncated } = options;
  const { streamVolume, streamSnapshot, threads } = options;
  return {
    ...{ size, from, ovaDisk, internalSnapshot, allowTruncated },
    ...{ streamVolume, streamSnapshot, threads },
  };
}
