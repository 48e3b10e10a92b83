import { expect, test } from 'vitest';
import { BLOCK_SIZE, qcow2, type ZstdEncoding } from '../../formats/index.ts';
import { additionalFields, header } from '../../formats/qcow2/layout.ts';
import { noise, text } from '../support/disks.ts';
import { MemoryImage } from '../support/memory-image.ts';
import { blockOf, requestOf } from '../support/write-image.ts';

test('a qcow2 of zstd says so in its header and holds the frames as they are', async () => {
  const image = new MemoryImage();
  const encoding: ZstdEncoding = { kind: 'zstd', level: 3 };
  const writer = await qcow2().write({ ...requestOf(qcow2(), image, {}), encoding });
  const frame = noise(1000);
  writer.add(blockOf(0, text(BLOCK_SIZE), { packed: frame }));
  writer.finish(BLOCK_SIZE);
  const { incompatibleFeatures, headerLength } = header.decode(image.bytes);
  expect(incompatibleFeatures).toBe(8n);
  expect(headerLength).toBe(112);
  const { compressionType } = additionalFields.decode(image.bytes.subarray(104));
  expect(compressionType).toBe(1);
  expect(image.bytes.readUInt32BE(112)).toBe(0x6803f857); // the extensions follow
  expect(image.bytes.subarray(BLOCK_SIZE, BLOCK_SIZE + 1000).equals(frame)).toBe(true);
});
