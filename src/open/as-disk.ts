import type { ByteStream } from '../byte-streams/byte-stream.ts';
import { KexportError, option, Warning, wording } from '../errors.ts';
import { beginsSendStream, HEAD_SIZE, imageKind, remedyOfStream } from '../images/image-kind.ts';
import type { Source } from '../sources/source.ts';
import { streamSource } from '../sources/stream.ts';
import type { Opened } from './opened.ts';
import type { SourceOptions } from './source-options.ts';
import { wholeDisk } from './whole-disk.ts';

/** Opens the base of an increment by its name. */
export type OpenBase = (name: string, options: SourceOptions) => Promise<Source>;

/**
 * The disk in what was opened. Owns `opened`, and closes it if it throws. `openBase` is for the
 * option `flatten`.
 */
export async function asDisk(
  opened: Opened,
  options: SourceOptions,
  openBase?: OpenBase,
): Promise<Source> {
  const { size, signal, allowTruncated, streamVolume, streamSnapshot, flatten } = options;
  try {
    if (!('stream' in opened)) {
      refuseSentOptions(opened.name, options);
      return opened;
    }
    const { stream } = opened;
    const isSent = opened.isSent ?? beginsSendStream(await stream.peek(HEAD_SIZE, signal));
    if (!isSent) {
      refuseSentOptions(stream.name, options);
      if (options.from === undefined) await warnOfImage(stream, options);
      const stated = opened.size ?? size;
      const source = streamSource(stream, stated);
      return stated === undefined && !allowTruncated ? wholeDisk(source) : source;
    }
    // Imported on demand: most disks are not streams.
    const { zfsSendSource } = await import('../zfs-send/send-source.ts');
    const base = flatten === undefined ? undefined : await openBase?.(flatten, options);
    return await zfsSendSource(stream, {
      size,
      volume: streamVolume,
      snapshot: streamSnapshot,
      base,
      signal,
    });
  } catch (error) {
    await ('stream' in opened ? opened.stream : opened).close();
    throw error;
  }
}

/** The first bytes of a stream decide nothing, since a guest may have written them. */
async function warnOfImage(stream: ByteStream, options: SourceOptions): Promise<void> {
  const begins = imageKind(await stream.peek(HEAD_SIZE, options.signal));
  if (!begins) return;
  const what = `${stream.name} begins like ${begins.title}, and is read as a raw disk`;
  options.onWarning?.(
    new Warning('looks-like-image', wording`${what}; if it is not one, ${remedyOfStream(begins)}`),
  );
}

function refuseSentOptions(name: string, options: SourceOptions): void {
  const forStreams = ['streamVolume', 'streamSnapshot', 'flatten'] as const;
  const given = forStreams.find((each) => options[each] !== undefined);
  if (!given) return;
  const what = wording`${option(given)} is for zfs send streams, and ${name} is not one`;
  throw new KexportError('usage', what);
}
