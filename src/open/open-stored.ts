// Opens a file in a store as a file of this machine is opened: as a disk, an image of one, or a
// stream of bytes. It is read by ranges.

import { fileStream } from '../byte-streams/file-stream.ts';
import { KexportError, option, wording } from '../errors.ts';
import { checkChoice } from '../images/image-format.ts';
import { beginsSendStream, HEAD_SIZE } from '../images/image-kind.ts';
import { openRemoteFile } from '../remote/open-remote.ts';
import { headOf, type RemoteFile } from '../remote/remote-file.ts';
import { positionedSource } from '../sources/positioned.ts';
import { checkStatedSize, formatOf, packedKind } from './open-descriptor.ts';
import type { Opened } from './opened.ts';
import type { SourceOptions } from './source-options.ts';

/** Opens the file at an address. Throws a KexportError. */
export async function openStored(address: string, options: SourceOptions): Promise<Opened> {
  const { signal, connections, endpoint } = options;
  const file = await openRemoteFile(address, { signal, connections, endpoint });
  try {
    return await openFile(file, options);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openFile(file: RemoteFile, options: SourceOptions): Promise<Opened> {
  const { name, size } = file;
  const { from } = options;
  if (size === 0) throw new KexportError('source', `${name} is empty: it has no byte to read`);
  const head = await headOf(file, HEAD_SIZE);
  const packed = packedKind(name, head, options);
  const isSent = from === undefined ? beginsSendStream(head) : from === 'zfs-send';
  if (isSent || packed) {
    if (packed === 'zip') {
      const what = `${name} is a zip archive, which is read from a file of this machine`;
      throw new KexportError('unsupported', what, { hint: 'download it first' });
    }
    const stream = fileStream(name, file, { start: 0, end: size });
    if (!packed) return { stream, isSent };
    const { openCompressed } = await import('./packed.ts');
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
  return imageSource(image, options.threads);
}
