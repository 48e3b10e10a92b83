import type { FormatName } from '../../../formats/index.ts';
import { imageInfo } from '../../images/image-info.ts';
import { openSent } from '../../open/open-source.ts';
import { packedInfo } from '../../open/packed-info.ts';
import { streamKind } from '../../open/stream-kind.ts';
import { describeStream } from '../../zfs-send/describe.ts';
import type { Run } from '../command-line/program.ts';
import { EXIT_FAILURE } from '../command-line/report-error.ts';
import { abortOnSignals } from '../command-line/signals.ts';
import { checkOvaDisk } from '../options/check-ova-disk.ts';
import type { Options } from '../options/options.ts';
import { imageInfoJson, imageInfoText } from '../print/image-info.ts';
import { streamInfoJson, streamInfoText } from '../print/stream-info.ts';
import { answerEach } from './answer-each.ts';

/** Prints facts about images, disks and zfs send streams. */
export const run: Run = (paths, options) =>
  answerEach(paths, async (path) => ({ text: await infoOf(path, options), status: 0 }), {
    unreadable: EXIT_FAILURE,
    json: options.json,
    separator: options.json ? '' : '\n',
  });

async function infoOf(path: string, options: Options): Promise<string> {
  checkOvaDisk(path, options);
  const { json, from, allowBacking, ovaDisk } = options;
  const kind = await streamKind(path, from);
  if (kind === 'zfs-send') return abortOnSignals((signal) => infoOfStream(path, options, signal));
  const info = kind
    ? await abortOnSignals((signal) => packedInfo(path, kind, signal)) // reads all of it
    : await imageInfo(path, {
        from: from as FormatName | undefined, // the others are of a kind
        allowBacking,
        ovaDisk,
      });
  return json ? imageInfoJson(path, info) : imageInfoText(path, info);
}

/** Reads all of a zfs send stream. */
async function infoOfStream(path: string, { json }: Options, signal: AbortSignal): Promise<string> {
  const input = await openSent(path);
  const streams = await describeStream(input, { signal });
  return json ? streamInfoJson(path, streams) : streamInfoText(input.name, streams);
}
