import { inflatedStream } from '#inflated';
import type { WholeCompression } from '../../formats/index.ts';
import { type ByteStream, peekable } from './byte-stream.ts';
import { diskInTar } from './disk-in-tar.ts';
import { zstdStream } from './zstd-stream.ts';

/**
 * What is in a compressed stream; of a tar its disk. Owns `packed`. The first read throws a
 * KexportError if this Node cannot decompress it, or if there is no disk in the tar.
 */
export function compressedDisk(packed: ByteStream, kind: WholeCompression): ByteStream {
  const { name } = packed;
  let opened: ByteStream | undefined;
  const readChunk: ByteStream['read'] = async (signal) => {
    opened ??= open(packed, kind);
    return opened.read(signal);
  };
  return peekable(name, readChunk, () => (opened ?? packed).close());
}

function open(packed: ByteStream, kind: WholeCompression): ByteStream {
  if (kind === 'zst') return zstdStream(packed);
  const stream = inflatedStream(packed, 'gzip');
  return kind === 'tar.gz' ? diskInTar(stream) : stream;
}
