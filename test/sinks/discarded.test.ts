// What is discarded is not written to any more, and nobody waits for a reader that is gone.

import { expect, test } from 'vitest';
import { raw } from '../../formats/index.ts';
import { encode } from '../../src/export/encode.ts';
import { sourceFrom } from '../../src/open/source-from.ts';
import { openSink } from '../../src/sinks/open-sink.ts';
import { memorySink } from '../../src/sinks/memory.ts';
import { writableSink } from '../../src/sinks/writable.ts';
import { zipped } from '../../src/sinks/zipped.ts';
import { noise } from '../support/disks.ts';

const MIB = 2 ** 20;

test.each([
  ['that nobody reads', () => new TransformStream<Uint8Array, Uint8Array>().writable],
  ['whose write hangs', () => new WritableStream({ write: () => new Promise(() => undefined) })],
])('an export into a stream of the web %s can be aborted', async (_, stream) => {
  const exported = encode(
    await sourceFrom(noise(8 * MIB)),
    [{ format: raw(), sink: writableSink(stream()) }],
    { signal: AbortSignal.timeout(100) },
  );
  await expect(exported).rejects.toMatchObject({ code: 'aborted' });
});

test('an archive that is discarded writes nothing more', async () => {
  const under = memorySink();
  let isDiscarded = false;
  let late = 0;
  const slow = openSink({
    ...under,
    async write(at, buffers, signal) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (isDiscarded) late++;
      await under.write(at, buffers, signal);
    },
    discard() {
      isDiscarded = true;
      return under.discard();
    },
  });
  const gzip = { stream: new CompressionStream('gzip'), close: () => Promise.resolve() };
  const archive = await zipped(slow, { entryName: 'disk', createdAt: 0, gzip });
  for (let at = 0; at < 8; at++) await archive.write(at * MIB, [noise(MIB)]);
  await archive.discard();
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(late).toBe(0);
});
