import type { FormatName } from '../../../formats/index.ts';
import { imageInfo } from '../../images/image-info.ts';
import { openSent } from '../../open/open-source.ts';
import { packedInfo } from '../../open/packed-info.ts';
import { streamKind, type StreamKind } from '../../open/stream-kind.ts';
import { describeStream } from '../../zfs-send/describe.ts';
import { print } from '../command-line/print.ts';
import type { Run } from '../command-line/program.ts';
import { abortOnSignals } from '../command-line/signals.ts';
import { checkOvaDisk } from '../options/check-ova-disk.ts';
import type { Options } from '../options/options.ts';
import { imageInfoJson, imageInfoText } from '../print/image-info.ts';
import { streamInfoJson, streamInfoText } from '../print/stream-info.ts';

/** Prints what there is to know about an image, a disk or a zfs send stream. */
export const run: Run = async ([path = ''], options) => {
  checkOvaDisk(path, options);
  const kind = await streamKind(path, options.from);
  await print(
    kind === 'zfs-send'
      ? await infoOfStream(path, options)
      : await infoOfImage(path, kind, options),
  );
  return 0;
};

/** Reads all of a zfs send stream. */
async function infoOfStream(path: string, { json }: Options): Promise<string> {
  const stop = abortOnSignals();
  try {
    const input = await openSent(path);
    const streams = await describeStream(input, { signal: stop.signal });
    return json ? streamInfoJson(path, streams) : streamInfoText(input.name, streams);
  } finally {
    stop.release();
  }
}

/** Reads the tables of an image; all of what is in a .gz or .zip. */
async function infoOfImage(
  path: string,
  packed: Exclude<StreamKind, 'zfs-send'> | undefined,
  { from, allowBacking, ovaDisk, json }: Options,
): Promise<string> {
  const stop = abortOnSignals();
  try {
    const info = packed
      ? await packedInfo(path, packed, stop.signal)
      : await imageInfo(path, {
          from: from as FormatName | undefined, // the others are of a kind
          allowBacking,
          archiveDisk: ovaDisk,
        });
    return json ? imageInfoJson(path, info) : imageInfoText(path, info);
  } finally {
    stop.release();
  }
}
