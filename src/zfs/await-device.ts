import { open } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { KexportError, reasonOf, throwIfAborted } from '../errors.ts';
import { linkedDevice, linkOf, unlinkedDevice } from './device.ts';

const INTERVAL = 50; // milliseconds
/**
 * Milliseconds after which the device is also looked for without its link. On an idle machine udev
 * makes the link within half a second.
 */
const UNLINKED_AFTER = 3000;
/** Milliseconds: a machine that starts hundreds of guests keeps udev busy for that long. */
const LIMIT = 60_000;

/**
 * Waits until the device of a new volume or snapshot can be read, and returns its path: ZFS makes
 * the device, and udev its link, after the command has ended. Throws a KexportError if that takes
 * more than a minute, or on an abort.
 */
export async function awaitDevice(name: string, signal: AbortSignal | undefined): Promise<string> {
  const started = performance.now();
  let found = 'it is not there';
  for (;;) {
    throwIfAborted(signal);
    const waited = performance.now() - started;
    const device =
      (await linkedDevice(name)) ??
      (waited > UNLINKED_AFTER ? await unlinkedDevice(name) : undefined);
    if (device !== undefined) {
      const problem = await readProblem(device);
      if (problem === undefined) return device;
      found = `${device}: ${problem}`;
    }
    if (waited > LIMIT) throw noDevice(name, found);
    // The loop's first line handles an abort.
    await setTimeout(INTERVAL, undefined, { signal }).catch(() => undefined);
  }
}

async function readProblem(device: string): Promise<string | undefined> {
  try {
    const file = await open(device, 'r');
    try {
      await file.read(Buffer.alloc(512), 0, 512, 0);
    } finally {
      await file.close();
    }
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

function noDevice(name: string, found: string): KexportError {
  const waited = `after ${LIMIT / 1000} seconds`;
  return new KexportError('source', `no device of ${name} to read ${waited}: ${found}`, {
    hint: `is udev running here? it makes ${linkOf(name)}; in a container, run it on the host`,
  });
}
