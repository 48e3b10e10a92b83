// Opens a file that is read by ranges as a file of this machine is opened.

import { fileStream } from '../byte-streams/file-stream.ts';
import { KexportError, option, wording } from '../errors.ts';
import { checkNotEmpty } from '../images/file-input.ts';
import { checkChoice } from '../images/image-format.ts';
import { beginsSendStream, HEAD_SIZE } from '../images/image-kind.ts';
import { remoteInput } from '../images/remote-input.ts';
import { headOf, type RemoteFile } from '../remote/remote-file.ts';
import { positionedSource } from '../sources/positioned.ts';
import { checkStatedSize, formatOf, packedKind } from './format-of.ts';
import type { Opened } from './opened.ts';
import type { SourceOptions } from './source-options.ts';

/**
 * Opens a file that is read by ranges: as a disk, an image of one, or a stream of bytes. Owns the
 * file, unless it throws a KexportError.
 */
export async function openRanged(file: RemoteFile, options: SourceOptions): Promise<Opened> {
  const { name, size } = file;
  const { from } = options;
  checkNotEmpty(name, size);
  const head = await headOf(file, HEAD_SIZE);
  const packed = packedKind(name, head, options);
  const isSent = from === undefined ? beginsSendStream(head) : from === 'zfs-send';
  if (isSent || packed) {
    const part = (start: number, end: number) => fileStream(name, file, { start, end });
    if (!packed) return { stream: part(0, size), isSent };
    const { openCompressed, openZip } = await import('./packed.ts');
    if (packed === 'zip') return openZip(remoteInput(name, size, file), part, options);
    const stream = part(0, size);
    const opened = openCompressed(stream, packed);
    return isSent ? { ...opened, isSent } : opened;
  }
  const format = formatOf(name, { head, size }, options);
  checkChoice(name, format, options);
  if (!format) {
    checkStatedSize(name, size, options);
    return positionedSource(name, file, size);
  }
  const [{ openRemoteImage }, { imageSource }] = await Promise.all([
    import('../images/open-remote-image.ts'),
    import('../images/image-source.ts'),
  ]);
  const image = await openRemoteImage(file, format);
  const { diskSize } = image.reader.facts;
  if (options.size !== undefined && options.size !== diskSize) {
    const what = `the disk in ${name} has ${diskSize} bytes`;
    throw new KexportError('source', wording`${what}, ${option('size')} says ${options.size}`);
  }
  return imageSource(image, options);
}
