import type { Format } from '../../formats/index.ts';
import { uuidOfDisk } from '../../formats/uuid.ts';
import type { TestDisk } from './disks.ts';
import { MemoryImage } from './memory-image.ts';
import { blocksOf, IDENTITY, requestOf } from './write-image.ts';

/** Writes several disks with a format alone, without workers, sources and sinks. */
export async function writeMachine(
  format: Format,
  disks: readonly TestDisk[],
): Promise<MemoryImage> {
  if (!format.machine) throw new Error(`${format.name} holds one disk`);
  const image = new MemoryImage();
  const request = requestOf(format, image, {});
  const { name, uuid } = IDENTITY;
  const writer = await format.machine.write({
    ...request,
    name,
    disks: disks.map(({ size }, index) => ({ ...IDENTITY, uuid: uuidOfDisk(uuid, index), size })),
  });
  for (const disk of disks) {
    const one = await writer.startDisk();
    for (const block of blocksOf(disk, request.encoding)) one.add(block);
    one.finish(disk.size);
  }
  await writer.finish();
  image.checkBuffers();
  return image;
}
