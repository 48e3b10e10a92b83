// What lies before the wanted volume in a package passes through, however large it is.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { encode, memorySink, raw, sourceFrom } from 'kexport';
import { expect, test } from 'vitest';
import { makeSendStream } from '../../bench/make-send-stream.ts';
import { text } from '../support/disks.ts';
import { listOf, packageOf } from '../support/send-package.ts';

const MIB = 2 ** 20;

test('a large volume that is not wanted is not kept, and the wanted one is the right one', async () => {
  const large = streamOf('tank/db@a', 7n, 0n, 96 * MIB);
  const wanted = [streamOf('tank/vm@a', 1n, 0n, MIB), streamOf('tank/vm@b', 2n, 1n, MIB)];
  const list = listOf({ 'tank/db': { a: 7n }, 'tank/vm': { a: 1n, b: 2n } });
  const bytes = packageOf(list, [large, ...wanted]);

  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const inUse = () => {
    collect();
    return process.memoryUsage().arrayBuffers;
  };
  const before = inUse();
  let most = 0;
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += MIB) {
      if (at % (16 * MIB) === 0) most = Math.max(most, inUse() - before);
      yield await Promise.resolve(Uint8Array.from(bytes.subarray(at, at + MIB)));
    }
  }
  const sink = memorySink();
  const source = await sourceFrom(pieces(), { from: 'zfs-send', streamVolume: 'tank/vm' });
  expect(most).toBeLessThan(32 * MIB);
  await encode(source, [{ format: raw(), sink }]);
  expect(Buffer.from(sink.bytes()).equals(text(MIB, 2))).toBe(true);
});

function streamOf(name: string, guid: bigint, fromGuid: bigint, volumeSize: number): Buffer {
  const blocks = [...blocksOf(volumeSize, Number(guid))];
  const stream = { name, guid, fromGuid, volumeSize, blockSize: 131_072, blocks };
  return Buffer.concat([...makeSendStream(stream)]);
}

function* blocksOf(volumeSize: number, seed: number) {
  const block = text(volumeSize, seed);
  for (let at = 0; at < volumeSize; at += 131_072) {
    yield { diskOffset: at, bytes: block.subarray(at, at + 131_072) };
  }
}
