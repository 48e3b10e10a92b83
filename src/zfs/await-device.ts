import { open } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { KexportError, reasonOf, throwIfAborted } from '../errors.ts';
import { linkedDevice, linkOf, unlinkedDevice } from './device.ts';

const INTERVAL = 50; // milliseconds
/**
 * When udev, which takes half a second at most on an idle machine, is no longer waited for alone.
 */
const UNLINKED_AFTER = 3000;
/** A machine that starts hundreds of guests keeps udev busy for that long. */
const LIMIT = 60_000;

/**
 * The device of a volume or snapshot that was just made, once it can be read: ZFS makes it, and
 * udev links it, after the command has ended. Throws a KexportError if that does not happen within
 * a minute, or on an abort.
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
    // An abort is seen at the top.
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
