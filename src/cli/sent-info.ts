import { openSent } from '../open/open-source.ts';
import { describeStream, type StreamDescription } from '../zfs-send/describe.ts';
import { exactSize, formatLines } from './lines.ts';
import { abortOnSignals } from './signals.ts';

/** Prints what there is to know of a zfs send stream, of which all is read. Throws a KexportError. */
export async function describeSent(path: string, json: boolean): Promise<number> {
  const stop = abortOnSignals();
  try {
    const input = await openSent(path);
    const { name } = input;
    const streams = await describeStream(input, { signal: stop.signal });
    const report = { file: path, format: 'zfs-send', streams };
    process.stdout.write(
      json ? `${JSON.stringify(report, undefined, 2)}\n` : textOf(name, streams),
    );
    return 0;
  } finally {
    stop.release();
  }
}

function textOf(name: string, streams: readonly StreamDescription[]): string {
  const kind = streams.length === 1 ? 'zfs send stream' : `package of ${streams.length} streams`;
  const head = formatLines([
    ['image', name],
    ['format', kind],
  ]);
  return [head, ...streams.map((stream) => formatLines(linesOf(stream)))].join('\n');
}

function linesOf(stream: StreamDescription): [key: string, value: string][] {
  const { snapshot, guid, fromGuid, createdAt, kind, features, compressions } = stream;
  const size = (bytes: number | undefined) =>
    bytes === undefined ? 'not in the stream' : exactSize(bytes);
  const ofVolume: [string, string][] = [
    ['volume size', size(stream.volumeSize)],
    ['block size', size(stream.blockSize)],
    ['data stored', exactSize(stream.dataSize)],
    ['compression', compressions.join(', ') || 'none'],
  ];
  return [
    ['snapshot', snapshot],
    ['of a', kind],
    ['created', new Date(createdAt * 1000).toISOString()],
    ['guid', guid],
    ['builds upon guid', fromGuid ?? 'none, it is a full stream'],
    ['stream size', exactSize(stream.streamSize)],
    ...(kind === 'volume' ? ofVolume : []),
    ['features', features.join(', ') || 'none'],
  ];
}
