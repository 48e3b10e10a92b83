// The temporary disk that the pool of a golden image is made on: a sparse file of TMPDIR as a loop
// device.
//
// The file loses its name as soon as the device has it, and goes with the device. /sys shows the
// name all the same, and with it the process that made it: so `kexport clean` knows whose it is.

import { type FileHandle, open, readdir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import { host } from '#host';
import { KexportError, messageOf, reasonOf, throwIfAborted } from '../../errors.ts';
import { BLOCK_DEVICES, textOf } from '../../host/host-disk.ts';
import { noteLeftover } from '../../host/leftovers.ts';
import { readFully } from '../../host/read-fully.ts';
import { shellWord } from '../../host/shell-word.ts';
import type { Edit } from '../../partitions/move-backup-gpt.ts';
import { NAME_PREFIX, thisOwner } from '../../host/owner.ts';
import { losetup } from '../run.ts';

/** A disk in a temporary file. */
export interface SpoolDisk {
  /** Makes it a device of this machine. Throws a KexportError. */
  attach(sectorSize: number): Promise<SpoolDevice>;
  /** Fills `target` with bytes of the disk; calls may overlap. Throws a KexportError. */
  read(diskOffset: number, target: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** A disk in a temporary file while it is a device. */
export interface SpoolDevice {
  /** `/dev/loop3`. */
  readonly path: string;
  /** Waits for the device of a partition, and returns its path. Throws a KexportError. */
  partition(index: number, signal: AbortSignal | undefined): Promise<string>;
  /** Returns why the device is still there, or undefined once it is gone. */
  detach(): Promise<string | undefined>;
}

const NAME = new RegExp(`^${NAME_PREFIX}(.+)\\.[0-9a-f]{8}\\.disk$`);

/**
 * Makes an empty disk of `size` bytes with these bytes written to it. Throws a KexportError if
 * TMPDIR has no room or cannot hold it.
 */
export async function openSpoolDisk(size: number, edits: readonly Edit[]): Promise<SpoolDisk> {
  const folder = host.temporaryFolder();
  const path = join(folder, await newFileName());
  const file = await open(path, 'wx+', 0o600).catch((cause: unknown) => {
    throw noSpool(folder, cause);
  });
  const forget = noteLeftover(path, `rm ${shellWord(path)}`);
  try {
    await file.truncate(size);
    for (const { diskOffset, bytes } of edits) await file.write(bytes, 0, bytes.length, diskOffset);
    await file.sync();
  } catch (cause) {
    await file.close();
    await removeFile();
    throw noSpool(folder, cause);
  }
  const systemFile = {
    read: async (position: number, target: Uint8Array) =>
      (await file.read(target, 0, target.length, position)).bytesRead,
  };

  return {
    async attach(sectorSize) {
      const args = ['--find', '--show', '--partscan', '--sector-size', String(sectorSize), path];
      const [device = ''] = await losetup(args);
      await removeFile();
      const forgetDevice = noteLeftover(device, detachCommand(device));
      return {
        path: device,
        partition: (index, signal) => awaitPartition(`${device}p${index}`, signal),
        async detach() {
          const problem = await detachLoop(device);
          if (problem === undefined) forgetDevice();
          return problem;
        },
      };
    },
    read: (position, target) =>
      readFully(`the spool file of the image`, systemFile, position, target),
    close: () => close(file),
  };

  async function removeFile(): Promise<void> {
    await rm(path, { force: true });
    forget();
  }

  async function close(handle: FileHandle): Promise<void> {
    await handle.close();
    await removeFile(); // if it was never attached
  }
}

function noSpool(folder: string, cause: unknown): KexportError {
  const what = `cannot spool the disk of the image in ${folder}: ${reasonOf(cause)}`;
  return new KexportError('target', what, {
    cause,
    hint: 'set TMPDIR to a folder with room for it',
  });
}

async function newFileName(): Promise<string> {
  return `${NAME_PREFIX}${await thisOwner()}.${randomBytes(4).toString('hex')}.disk`;
}

/** The owner, as in `owner.ts`, that the name of such a file has; undefined for other files. */
export function ownerInName(path: string): string | undefined {
  return NAME.exec(basename(path))?.[1];
}

/** The command for a person to detach a device. */
export function detachCommand(device: string): string {
  return `losetup --detach ${device}`;
}

const INTERVAL = 100; // milliseconds
/** Milliseconds: udev may be reading the device. */
const LIMIT = 20_000;

/** Detaches a loop device. Returns why it is still there, or undefined once it is gone. */
export async function detachLoop(device: string): Promise<string | undefined> {
  const started = performance.now();
  let problem: string | undefined;
  do {
    problem = await losetup(['--detach', device]).then(() => undefined, messageOf);
    // While somebody has it open, detaching succeeds, and takes effect only later.
    if ((await backingFile(basename(device))) === undefined) return undefined;
    await setTimeout(INTERVAL);
  } while (performance.now() - started < LIMIT);
  return problem ?? 'somebody has it open';
}

async function awaitPartition(path: string, signal: AbortSignal | undefined): Promise<string> {
  for (const started = performance.now(); performance.now() - started < LIMIT;) {
    throwIfAborted(signal);
    if ((await stat(path).catch(() => undefined))?.isBlockDevice()) return path;
    await setTimeout(INTERVAL);
  }
  throw new KexportError('target', `the kernel has made no ${path} in ${LIMIT / 1000} seconds`, {
    hint: 'in a container, run it on the host',
  });
}

/** A loop device whose file an export has made. */
export interface OwnedLoop {
  readonly device: string;
  /** As in `owner.ts`. */
  readonly owner: string;
}

/** Lists them, for each process. */
export async function listSpoolDevices(): Promise<OwnedLoop[]> {
  const names = await readdir(BLOCK_DEVICES).catch(() => []);
  const found: OwnedLoop[] = [];
  for (const name of names.filter((one) => /^loop\d+$/.test(one))) {
    const owner = ownerInName((await backingFile(name)) ?? '');
    if (owner !== undefined) found.push({ device: `/dev/${name}`, owner });
  }
  return found;
}

/** The path of its file, without the mark of one that has lost its name. */
async function backingFile(name: string): Promise<string | undefined> {
  const path = await textOf(join(BLOCK_DEVICES, name), 'loop/backing_file');
  return path === undefined || path === '' ? undefined : path.replace(/ \(deleted\)$/, '');
}

/** The files of TMPDIR that killed exports left before they were attached. */
export async function listSpoolFiles(): Promise<
  { readonly path: string; readonly owner: string }[]
> {
  const folder = host.temporaryFolder();
  const names = await readdir(folder).catch(() => []);
  return names.flatMap((name) => {
    const owner = ownerInName(name);
    return owner === undefined ? [] : [{ path: join(folder, name), owner }];
  });
}
