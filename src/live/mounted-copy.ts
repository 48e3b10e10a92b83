// Copies a file system that is mounted while its disk is exported, such as an EFI system partition:
// flushes it, copies it into a temporary file at once, and reads it again to see that nothing was
// written meanwhile.

import { host } from '#host';
import { KexportError, type OnWarning, throwIfAborted, Warning } from '../errors.ts';
import { mountsOf } from '../host/disks.ts';
import type { HostPartition } from '../host/host-disk.ts';
import { bootSector } from '../inspect/fat-layout.ts';
import { flushFile, flushFileSystem } from '../host/flush.ts';
import type { Mount } from '../host/mounts.ts';
import { openSpoolFile } from '../host/spool-file.ts';
import type { DirectDisk } from './direct-disk.ts';

/** A partition with a file system that is mounted. */
export interface MountedPartition extends HostPartition {
  /** Where it is mounted. */
  readonly mountPoint: string;
  /** That of its mount. */
  readonly device: Mount['device'];
  /** Its file system, as the kernel calls it: vfat, ext4. */
  readonly type: string;
}

/** A partition as it was at one instant. */
export interface PartitionCopy {
  readonly diskOffset: number;
  readonly size: number;
  /** Fills `target` with bytes of the partition from `offset` on. */
  read(offset: number, target: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/**
 * Largest file system that is copied beforehand, in bytes. A limit of this program; boot partitions
 * have 2 GiB at most.
 */
export const MAX_COPY_SIZE = 4 * 2 ** 30;

const CHUNK_SIZE = 2 ** 20;
/** A file system that was written to meanwhile is copied once more. */
const ATTEMPTS = 2;

/** The partition with where its file system is mounted; undefined if it is not. */
export async function mountedOn(
  partition: HostPartition,
  mounts: readonly Mount[],
): Promise<MountedPartition | undefined> {
  const [found] = await mountsOf(partition.name, mounts);
  if (!found) return undefined;
  const { mountPoint, device, type } = found;
  return { ...partition, mountPoint, device, type };
}

/** Flushes a mounted file system from memory to the disk. */
export async function flushMounted(partition: MountedPartition): Promise<void> {
  await flushFileSystem(partition);
  await flushFile(partition.path); // a partition has a page cache of its own
}

/**
 * Copies a mounted file system. Throws a KexportError if it was written to during every attempt.
 * `onWarning` is called with a message for the user if its two file allocation tables differ.
 */
export async function copyMounted(
  disk: DirectDisk,
  partition: MountedPartition,
  signal: AbortSignal | undefined,
  onWarning: OnWarning,
): Promise<PartitionCopy> {
  const { path, mountPoint, diskOffset, size, type } = partition;
  const spool = await openSpoolFile(path);
  const read = (offset: number, target: Uint8Array) => spool.read(offset, target);
  const keep = async (chunk: Uint8Array, offset: number) => {
    if (!host.isZero(chunk)) await spool.write(offset, [chunk]); // zeros stay a hole
  };
  try {
    for (let attempt = 1; ; attempt++) {
      await flushMounted(partition);
      await spool.truncate(0);
      await spool.truncate(size);
      const copied = await digestOf(disk, partition, signal, keep);
      const again = await digestOf(disk, partition, signal);
      const changed = copied !== again;
      const fatsDiffer = type === 'vfat' && !changed && (await haveFatsChanged(read, size));
      if (!changed && !fatsDiffer) break;
      if (attempt < ATTEMPTS) continue;
      if (changed) throw busy(partition);
      onWarning(
        new Warning(
          'inconsistent',
          `${path} (${mountPoint}): its two file allocation tables differ; see fsck.fat`,
        ),
      );
      break;
    }
    return { diskOffset, size, read, close: () => spool.close() };
  } catch (error) {
    await spool.close();
    throw error;
  }
}

function busy({ path, mountPoint }: MountedPartition): KexportError {
  return new KexportError('source', `${path} (${mountPoint}) is written to while it is copied`, {
    hint: `stop what writes there, or unmount it: umount ${mountPoint}`,
  });
}

/** Reads a partition to its end; returns the SHA-256 of it. */
async function digestOf(
  disk: DirectDisk,
  { diskOffset, size }: HostPartition,
  signal: AbortSignal | undefined,
  onChunk?: (chunk: Uint8Array, offset: number) => Promise<void>,
): Promise<string> {
  const hash = host.hasher('sha256');
  const buffer = new Uint8Array(CHUNK_SIZE);
  for (let offset = 0; offset < size; offset += CHUNK_SIZE) {
    throwIfAborted(signal);
    const chunk = buffer.subarray(0, Math.min(CHUNK_SIZE, size - offset));
    await disk.read(diskOffset + offset, chunk);
    hash.update(chunk);
    await onChunk?.(chunk, offset);
  }
  return hash.digest();
}

/** Whether the two file allocation tables of a FAT file system differ. */
async function haveFatsChanged(read: PartitionCopy['read'], size: number): Promise<boolean> {
  const head = new Uint8Array(bootSector.size);
  await read(0, head);
  const { sectorSize, reservedSectorCount, fatCount, ...boot } = bootSector.decode(head);
  const fatSize = (boot.fatSectors16 || boot.fatSectors32) * sectorSize;
  const start = reservedSectorCount * sectorSize;
  if (fatCount !== 2 || start + 2 * fatSize > size) return false;
  const [first, second] = [Buffer.alloc(CHUNK_SIZE), Buffer.alloc(CHUNK_SIZE)];
  for (let offset = 0; offset < fatSize; offset += CHUNK_SIZE) {
    const length = Math.min(CHUNK_SIZE, fatSize - offset);
    await read(start + offset, first.subarray(0, length));
    await read(start + fatSize + offset, second.subarray(0, length));
    if (first.compare(second, 0, length, 0, length) !== 0) return true;
  }
  return false;
}
