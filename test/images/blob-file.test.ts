import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blobFile } from '../../src/images/blob-file.ts';

const SIZE = 3 * 2 ** 20 + 77;
const bytes = Uint8Array.from({ length: SIZE }, (_, at) => (at * at) >> 5);

/** A Blob of a browser that gives chunks alone, as Safari's. */
class OfChunks extends Blob {
  override stream(): ReturnType<Blob['stream']> {
    const stream = super.stream();
    const getReader = stream.getReader.bind(stream);
    return Object.assign(stream, {
      getReader: (options?: { mode: 'byob' }) => {
        if (options) throw new TypeError('not a stream of bytes');
        return getReader();
      },
    });
  }

  override slice(start?: number, end?: number): Blob {
    return new OfChunks([super.slice(start, end)]);
  }
}

/** A Blob of a file that was changed after so many reads. */
function changedAfter(reads: number): Blob {
  const blob = new Blob([bytes]);
  const slice = blob.slice.bind(blob);
  let count = 0;
  return Object.assign(blob, {
    slice: (start: number, end?: number) => {
      const part = slice(start, end);
      if (++count <= reads) return part;
      const fail = () => Promise.reject(new DOMException('it has changed', 'NotReadableError'));
      return { arrayBuffer: fail, stream: () => new ReadableStream({ pull: fail, type: 'bytes' }) };
    },
  });
}

async function readAt(file: ReturnType<typeof blobFile>, position: number, length: number) {
  const target = new Uint8Array(length);
  await file.read(position, target);
  return target;
}

describe.each([
  ['a stream of bytes', new Blob([bytes])],
  ['a stream of chunks', new OfChunks([bytes])],
])('a Blob with %s', (_, blob) => {
  test('is read front to back, several reads at a time', async () => {
    const file = blobFile('disk.raw', blob);
    const places = Array.from({ length: 62 }, (__, index) => index * 50_000);
    const parts = await Promise.all(places.map((place) => readAt(file, place, 50_000)));
    expect(Buffer.concat(parts).equals(bytes.subarray(0, 62 * 50_000))).toBe(true);
    await file.close();
  });

  test('has the same bytes in whatever order it is read', async () => {
    const near = fc.integer({ min: -1500, max: 3000 }); // after the read before
    const far = fc.integer({ min: 0, max: SIZE });
    const read = fc.tuple(fc.boolean(), near, far, fc.integer({ min: 0, max: 5000 }));
    await fc.assert(
      fc.asyncProperty(fc.array(read, { maxLength: 40 }), async (reads) => {
        const file = blobFile('disk.raw', blob);
        let end = 0;
        const checks = reads.map(async ([isNear, shift, place, length]) => {
          const position = Math.min(SIZE, Math.max(0, isNear ? end + shift : place));
          const count = Math.min(length, SIZE - position);
          end = position + count;
          const found = await readAt(file, position, count);
          expect(Buffer.compare(found, bytes.subarray(position, position + count))).toBe(0);
        });
        await Promise.all(checks);
        await file.close();
      }),
      { numRuns: 200 },
    );
  });

  test('is not read past its end', async () => {
    const file = blobFile('disk.raw', blob);
    await expect(readAt(file, SIZE - 10, 11)).rejects.toMatchObject({
      code: 'source',
      message: `disk.raw ends at byte ${SIZE}, within 11 bytes at ${SIZE - 10}`,
    });
  });
});

test.each([0, 1])('a file that changes after %i reads is an error', async (reads) => {
  const file = blobFile('disk.raw', changedAfter(reads));
  for (let read = 0; read < reads; read++) await readAt(file, read * 100, 100);
  await expect(readAt(file, reads * 100, 100)).rejects.toMatchObject({
    code: 'source',
    message: `cannot read disk.raw at byte ${reads * 100}: it has changed`,
  });
  await file.close();
});
