import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { importBuilt } from '../support/built.ts';
import { noise, text } from '../support/disks.ts';

const { gzipStream } = await importBuilt<typeof import('../../src/compress/gzip-stream.ts')>(
  'src/compress/gzip-stream.ts',
);

const MIB = 2 ** 20;

async function packed(pieces: readonly Uint8Array[], threads: number): Promise<Buffer> {
  const { stream, ...gzip } = gzipStream({ level: 6, threads });
  const found: Uint8Array[] = [];
  const read = stream.readable.pipeTo(
    new WritableStream({ write: (piece) => void found.push(piece) }),
  );
  const writer = stream.writable.getWriter();
  for (const piece of pieces) await writer.write(piece);
  await writer.close();
  await read;
  await gzip.close();
  return Buffer.concat(found);
}

test.each<[string, readonly Uint8Array[]]>([
  ['nothing', []],
  ['a few bytes', [Buffer.from('a few bytes')]],
  ['a block less a byte', [text(65_535)]],
  ['a block, and a sector', [text(65_536), noise(512)]],
  ['zeros alone', [Buffer.alloc(5 * MIB + 512)]],
  ['more than all slabs hold, in odd pieces', Array<Buffer>(9).fill(text(MIB + 333))],
  ['data between zeros', [noise(100), Buffer.alloc(3 * MIB), text(2 * MIB), Buffer.alloc(7)]],
])('%s is a gzip member of it, by any number of threads', async (_, pieces) => {
  const [one, two] = [await packed(pieces, 1), await packed(pieces, 2)];
  expect(gunzipSync(one).equals(Buffer.concat(pieces))).toBe(true);
  expect(two.equals(one)).toBe(true);
});

test('zeros take next to nothing', async () => {
  expect((await packed([Buffer.alloc(16 * MIB)], 1)).length).toBeLessThan(20_000);
});
