// The disk in an archive as Google Cloud takes it: the member `disk.raw` of a tar, dense or sparse.
// The archive is read front to back, to its end.

import { decodeTarHeader, isExtension, type TarHeader } from '../../formats/tar/decode-tar.ts';
import { TAR_BLOCK } from '../../formats/tar/layout.ts';
import { SPARSE_FILE, type SparseExtent, sparseMap } from '../../formats/tar/sparse.ts';
import { paddingAfter } from '../../formats/rounding.ts';
import { isZero } from '../../formats/zeros.ts';
import { asKexportError, KexportError } from '../errors.ts';
import { type ByteStream, peekable } from './byte-stream.ts';

const NAME = 'disk.raw';

/** Members before the disk, such as manifest.json. A limit of this program. */
const MAX_MEMBERS = 1000;

/** Zeros that are passed on at a time, in bytes. */
const ZEROS_SIZE = 2 ** 20;

/**
 * The disk in an archive. Owns `archive`. The first read throws a KexportError if there is no disk,
 * or no tar.
 */
export function diskInTar(archive: ByteStream): ByteStream {
  const pieces = diskPieces(tapeOf(archive));
  let isStarted = false;
  const readChunk: ByteStream['read'] = async (signal) => {
    try {
      if (!isStarted) await pieces.next(); // a generator does not see the value of its first call
      isStarted = true;
      return (await pieces.next(signal)).value;
    } catch (error) {
      throw asKexportError(error, archive.name);
    }
  };
  return peekable(archive.name, readChunk, () => archive.close());
}

interface FoundDisk {
  readonly size: number;
  /** What of the disk is stored, ascending. */
  readonly extents: readonly SparseExtent[];
}

async function findDisk(tape: Tape, signal: AbortSignal | undefined): Promise<FoundDisk> {
  for (let members = 0; members < MAX_MEMBERS; members++) {
    const block = await tape.take(TAR_BLOCK, signal);
    if (isZero(block)) break;
    const header = decodeTarHeader(block);
    if (!header || !Number.isSafeInteger(header.size) || header.size < 0) {
      throw tape.damaged(`there is no valid tar header at ${tape.position() - TAR_BLOCK}`);
    }
    if (isExtension(header)) refuseSize(tape, header);
    if (header.name.replace(/^\.\//, '') !== NAME || isExtension(header)) {
      await tape.skip(header.size + paddingAfter(header.size, TAR_BLOCK), signal);
    } else if (header.typeflag === SPARSE_FILE) {
      return readSparseMap(tape, block, signal);
    } else {
      const { size } = header;
      return { size, extents: [{ offset: 0, length: size }] };
    }
  }
  throw new KexportError('source', `${tape.name} is a tar that has no ${NAME}`, {
    hint: 'unpack it first, and name the disk in it',
  });
}

/** A pax header may have the size of the next member; Google Cloud takes no archive with one. */
function refuseSize(tape: Tape, { typeflag }: TarHeader): void {
  if (typeflag !== 'x') return;
  throw new KexportError('unsupported', `${tape.name} has a pax header, not GNU's`, {
    hint: 'make it again with tar --format=oldgnu; Google Cloud takes no other',
  });
}

async function readSparseMap(
  tape: Tape,
  head: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<FoundDisk> {
  const map = sparseMap(head);
  while (!map.isWhole()) map.addBlock(await tape.take(TAR_BLOCK, signal));
  return map;
}

/**
 * The bytes of the disk; then reads the archive to its end, where its checksum is. The first piece
 * is empty.
 */
async function* diskPieces(tape: Tape): AsyncGenerator<Buffer, undefined, AbortSignal | undefined> {
  let signal = yield Buffer.alloc(0);
  const { size, extents } = await findDisk(tape, signal);
  if (size === 0) throw new KexportError('source', `${tape.name}: ${NAME} is empty`);
  let at = 0;
  for (const { offset, length } of [...extents, { offset: size, length: 0 }]) {
    for (; at < offset; at += ZEROS_SIZE) {
      signal = yield Buffer.alloc(Math.min(ZEROS_SIZE, offset - at));
    }
    for (at = offset; at < offset + length;) {
      const piece = await tape.next(offset + length - at, signal);
      if (!piece) throw tape.damaged(`it ends within ${NAME}, after ${at} of ${size} bytes`);
      at += piece.length;
      signal = yield piece;
    }
  }
  while (await tape.next(Infinity, signal));
  return undefined;
}

/** A stream that is read in pieces of a wanted length. */
type Tape = ReturnType<typeof tapeOf>;

function tapeOf(stream: ByteStream) {
  let rest: Buffer = Buffer.alloc(0);
  let position = 0;
  const damaged = (what: string) =>
    new KexportError('damaged', `${stream.name} is damaged: ${what}`);

  /** The next bytes, at most `most` and at least one; undefined at the end. */
  async function next(most: number, signal: AbortSignal | undefined): Promise<Buffer | undefined> {
    while (rest.length === 0) {
      const piece = await stream.read(signal);
      if (!piece) return undefined;
      rest = piece;
    }
    const taken = rest.subarray(0, most);
    rest = rest.subarray(taken.length);
    position += taken.length;
    return taken;
  }

  async function take(length: number, signal: AbortSignal | undefined): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let left = length; left > 0;) {
      const piece = await next(left, signal);
      if (!piece) throw damaged(`the tar ends at ${position}`);
      pieces.push(piece);
      left -= piece.length;
    }
    return Buffer.concat(pieces);
  }

  async function skip(length: number, signal: AbortSignal | undefined): Promise<void> {
    for (let left = length; left > 0;) {
      const piece = await next(left, signal);
      if (!piece) throw damaged(`the tar ends at ${position}`);
      left -= piece.length;
    }
  }

  return { name: stream.name, position: () => position, damaged, next, take, skip };
}
