import type { FormatName } from '../../../formats/index.ts';
import { KexportError } from '../../errors.ts';
import { imageInfo } from '../../images/image-info.ts';
import { imageMap } from '../../images/image-map.ts';
import { openImageFile } from '../../images/open-image-file.ts';
import { openSent } from '../../open/open-source.ts';
import { packedInfo } from '../../open/packed-info.ts';
import { streamKind } from '../../open/stream-kind.ts';
import { shownName } from '../../remote/open-remote.ts';
import { describeStream } from '../../zfs-send/describe.ts';
import { print } from '../command-line/print.ts';
import type { Run } from '../command-line/program.ts';
import { EXIT_FAILURE } from '../command-line/report-error.ts';
import { abortOnSignals } from '../command-line/signals.ts';
import { checkDiskChoice } from '../options/check-disk-choice.ts';
import type { Options } from '../options/options.ts';
import { imageInfoJson, imageInfoText } from '../print/image-info.ts';
import { mapJson, mapText } from '../print/map.ts';
import { streamInfoJson, streamInfoText } from '../print/stream-info.ts';
import { answerEach } from './answer-each.ts';

/** Prints facts about images, disks and zfs send streams. */
export const run: Run = (paths, options) =>
  answerEach(paths, async (path) => ({ text: await infoOf(path, options), status: 0 }), {
    unreadable: EXIT_FAILURE,
    json: options.json,
    separator: options.json ? '' : '\n',
  });

/** Columns of what is not a terminal. */
const COLUMNS = 80;

async function infoOf(path: string, options: Options): Promise<string> {
  const name = shownName(path);
  checkDiskChoice(name, options);
  if (options.map) return printMap(path, options);
  const { json, from, allowBacking, ovaDisk, internalSnapshot, identity } = options;
  const { connections, endpoint } = options;
  const kind = await streamKind(path, from, options);
  if (kind && identity) throw noDiskInside('--identity', name, kind);
  if (kind === 'zfs-send') return abortOnSignals((signal) => infoOfStream(path, options, signal));
  const info = await abortOnSignals((signal) =>
    kind
      ? packedInfo(path, kind, { connections, endpoint, signal }) // reads all of it
      : imageInfo(path, {
          from: from as FormatName | undefined, // the others are of a kind
          allowBacking,
          ovaDisk,
          internalSnapshot,
          connections,
          endpoint,
          identity,
          signal,
        }),
  );
  return json
    ? imageInfoJson(name, info)
    : imageInfoText(name, info, process.stdout.isTTY ? process.stdout.columns : COLUMNS);
}

/** Prints the map of a disk piece by piece, since it may be of any length. Returns no more text. */
async function printMap(path: string, options: Options): Promise<''> {
  const { json, from, allowBacking, ovaDisk, internalSnapshot } = options;
  const kind = await streamKind(path, from, options);
  if (kind) throw noDiskInside('--map', shownName(path), kind);
  const format = from as FormatName | undefined; // the others are of a kind
  return abortOnSignals(async (signal): Promise<''> => {
    const { connections, endpoint } = options;
    const choice = { ovaDisk, internalSnapshot, connections, endpoint };
    const image = await openImageFile(path, { from: format, allowBacking, ...choice, signal });
    try {
      const extents = imageMap(image, signal);
      for await (const text of json ? mapJson(extents) : mapText(extents)) await print(text);
    } finally {
      await image.close();
    }
    return '';
  });
}

/** The error for what only a file that can be read anywhere can answer. */
function noDiskInside(option: string, name: string, kind: string): KexportError {
  const what = kind === 'zfs-send' ? 'a zfs send stream' : `a ${kind} file`;
  return new KexportError(
    'usage',
    `${option} is for images and disks, and ${name} is read as ${what}`,
  );
}

/** Reads all of a zfs send stream. */
async function infoOfStream(path: string, options: Options, signal: AbortSignal): Promise<string> {
  const { json, connections, endpoint } = options;
  const input = await openSent(path, { connections, endpoint, signal });
  const streams = await describeStream(input, { signal });
  return json ? streamInfoJson(shownName(path), streams) : streamInfoText(input.name, streams);
}
