import type { StreamDescription } from '../../zfs-send/describe.ts';
import { dateText } from './date-text.ts';
import { formatLines, jsonText, type Line } from './lines.ts';
import { exactSize } from './sizes.ts';

/** The output of `kexport info --json` for a zfs send stream; sizes in bytes. */
export function streamInfoJson(file: string, streams: readonly StreamDescription[]): string {
  return jsonText({ file, format: 'zfs-send', streams });
}

/** The output of `kexport info` for a zfs send stream. */
export function streamInfoText(name: string, streams: readonly StreamDescription[]): string {
  const kind = streams.length === 1 ? 'zfs send stream' : `package of ${streams.length} streams`;
  const head: Line[] = [
    ['image', name],
    ['format', kind],
  ];
  return [head, ...streams.map(linesOf)].map(formatLines).join('\n');
}

function linesOf(stream: StreamDescription): Line[] {
  const { snapshot, guid, fromGuid, createdAt, kind, features, compressions } = stream;
  const size = (bytes: number | undefined) =>
    bytes === undefined ? 'not in the stream' : exactSize(bytes);
  const ofVolume: Line[] = [
    ['volume size', size(stream.volumeSize)],
    ['block size', size(stream.blockSize)],
    ['data stored', exactSize(stream.dataSize)],
    ['compression', compressions.join(', ') || 'none'],
  ];
  return [
    ['snapshot', snapshot],
    ['of a', kind],
    ['created', dateText(createdAt)],
    ['guid', guid],
    ['incremental from', fromGuid ?? 'nothing: it is a full stream'],
    ['stream size', exactSize(stream.streamSize)],
    ...(kind === 'volume' ? ofVolume : []),
    ['features', features.join(', ') || 'none'],
  ];
}
