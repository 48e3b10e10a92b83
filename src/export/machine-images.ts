import type { Disk } from '../../formats/index.ts';
import {
  checkDiskSize,
  type Image,
  type MachineImage,
  startMachine,
  type Target,
} from './image.ts';
import type { Encodings } from './encodings.ts';
import type { HashThreads } from '../hash/hash-threads.ts';

/** The images of a whole machine while its disks are added to them, one after the other. */
export interface MachineImages {
  /** Starts the next disk in an image, and the image itself with the first. */
  startDisk(target: Target): Promise<Image>;
  /** Queues the end of an image, once all disks are finished. */
  finish(target: Target): Promise<void>;
}

/** `name` is that of the export; `disks` are all disks of the machine. */
export function machineImages(
  name: string,
  disks: readonly Disk[],
  encodings: Encodings,
  hashes: HashThreads,
): MachineImages {
  const started = new Map<Target, MachineImage>();

  async function start(target: Target): Promise<MachineImage> {
    for (const { size = 0 } of disks) checkDiskSize(target.format, size);
    const encoding = encodings.of(target.format);
    const image = await startMachine(target, encoding, name, disks, hashes);
    started.set(target, image);
    return image;
  }

  return {
    async startDisk(target) {
      const { machine, ...image } = started.get(target) ?? (await start(target));
      return { ...image, writer: await machine.startDisk() };
    },
    async finish(target) {
      await started.get(target)?.machine.finish();
    },
  };
}
