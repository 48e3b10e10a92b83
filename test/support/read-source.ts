import { type Extent, openSource, type Source, type SourceOptions } from 'kexport';

const BLOCK = 65_536;
const MIB = 2 ** 20;

/** The result of a source's `next`, and the bytes, valid until the next extent. */
export interface ReadExtent extends Extent {
  readonly bytes: Buffer;
}

/** The extents of a source, to its end. Throws where one breaks the contract of sources. */
export async function* extentsOf(source: Source, bufferSize = MIB): AsyncGenerator<ReadExtent> {
  const buffer = Buffer.alloc(bufferSize);
  const { signal } = new AbortController();
  let end = 0;
  for (;;) {
    // What an extent does not fill must not be taken for a part of the disk.
    const extent = await source.next(buffer.fill(0xaa), signal);
    const wrong = wrongWith(extent, end, source.size);
    if (wrong !== undefined) throw new Error(`${source.name}: ${wrong}`);
    if (!extent) return;
    end = extent.diskOffset + extent.length;
    yield { ...extent, bytes: buffer.subarray(0, extent.length) };
  }
}

function wrongWith(
  extent: Extent | undefined,
  end: number,
  size: number | undefined,
): string | undefined {
  if (!extent) return size === undefined ? 'it has ended without a size' : undefined;
  const { diskOffset, length } = extent;
  const next = diskOffset + length;
  if (diskOffset < end || length <= 0) return `an extent of ${length} at ${diskOffset}`;
  if (diskOffset % BLOCK !== 0) return `an extent begins within a block, at ${diskOffset}`;
  if (size === undefined) return undefined;
  if (next > size) return `an extent ends at ${next}, past the end of the disk`;
  if (next % BLOCK !== 0 && next < size) return `an extent ends within a block, at ${next}`;
  return undefined;
}

/** The whole disk of a source of known size. */
export async function diskIn(source: Source): Promise<Buffer> {
  const disk = Buffer.alloc(source.size ?? 0);
  for await (const { diskOffset, bytes } of extentsOf(source)) bytes.copy(disk, diskOffset);
  return disk;
}

/** The whole disk in a file, by the built library. */
export async function diskInFile(path: string, options: SourceOptions = {}): Promise<Buffer> {
  return withSource(path, options, diskIn);
}

/** `length` bytes from each of these offsets of the disk in a file, by the built library. */
export async function bytesAt(
  path: string,
  places: readonly number[],
  length: number,
  options: SourceOptions = {},
): Promise<Buffer[]> {
  return withSource(path, options, async (source) => {
    const found: Buffer[] = [];
    for (const place of places) {
      const buffer = Buffer.alloc(length, 0xa5);
      const count = (await source.read?.(place, buffer)) ?? 0;
      found.push(buffer.subarray(0, count));
    }
    return found;
  });
}

async function withSource<T>(
  path: string,
  options: SourceOptions,
  use: (source: Source) => Promise<T>,
): Promise<T> {
  const source = await openSource(path, options);
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}
