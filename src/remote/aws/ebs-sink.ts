// Writes a raw disk to an EBS snapshot: no bucket, no import. Blocks are stored while the disk is
// read, many at a time.
//
// A block that was never put is not zeros: in an encrypted snapshot it reads as random bytes. So
// zeros are sent, and only what the source knows was never stored is left out.

import { createHash } from 'node:crypto';
import { KexportError, throwIfAborted, untilAborted } from '../../errors.ts';
import { noteLeftover } from '../../host/leftovers.ts';
import { openSink, type OpenSink } from '../../sinks/open-sink.ts';
import type { Sink } from '../../sinks/sink.ts';
import { blockBuffer } from '../block-buffer.ts';
import { inFlight } from '../http/in-flight.ts';
import type { SendOptions } from '../store-options.ts';
import { storedParts } from '../stored-parts.ts';
import { leftBehind } from '../left-behind.ts';
import { traffic } from '../traffic.ts';
import { ebsFile } from './ebs-file.ts';
import { EBS_BLOCK, ebsSnapshot } from './ebs-snapshot.ts';

const CONNECTIONS = 64;

/** The longest description of a snapshot. */
const MAX_DESCRIPTION = 255;

/**
 * A sink for a new EBS snapshot of a raw disk. Starts the snapshot; throws a KexportError. The disk
 * must have a known size.
 */
export async function ebsSink(name: string, options: SendOptions = {}): Promise<OpenSink> {
  const { connections = CONNECTIONS, diskSize, formatName, verify } = options;
  if (!/^ebs:$/i.test(name)) {
    const hint = 'it is ebs: alone, in the region that AWS_REGION names';
    throw new KexportError('usage', `${name} does not name a new EBS snapshot`, { hint });
  }
  if (formatName !== undefined && formatName !== 'raw') {
    throw new KexportError('usage', `a snapshot of EBS is a raw disk, not a ${formatName}`, {
      hint: 'kexport raw DISK -o ebs:',
    });
  }
  if (diskSize === undefined) {
    throw new KexportError('usage', 'EBS needs to know the size of the disk beforehand', {
      hint: 'give it with --size, or name the disk instead of a pipe',
    });
  }
  const sent = traffic();
  const snapshot = await ebsSnapshot({ ...options, code: 'target', onRetry: sent.onRetry });
  const description = `kexport: ${options.description ?? 'disk'}`.slice(0, MAX_DESCRIPTION);
  const id = await snapshot.start(diskSize, description, options.signal);
  const remedy = `aws ec2 delete-snapshot --region ${snapshot.region} --snapshot-id ${id}`;
  const forget = noteLeftover(`the EBS snapshot ${id}`, remedy);
  const stop = new AbortController();
  const flight = inFlight(connections);
  const stored = storedParts();
  const sums = new Map<number, Buffer>();
  let isComplete = false;
  let signal: AbortSignal | undefined;

  const blocks = blockBuffer(EBS_BLOCK, stored, async ({ index, bytes }) => {
    const work = async () => {
      sums.set(index, await snapshot.put(index, bytes, stop.signal));
      sent.add(bytes.length);
      blocks.recycle(bytes);
    };
    await untilAborted(flight.start(work), signal);
  });
  const complete = async () => {
    if (isComplete) return;
    await snapshot.complete(sums.size, linearSum(sums));
    isComplete = true;
  };

  const sink: Sink = {
    name: `ebs:${id}`,
    seekable: false,
    ids: { snapshotId: id, region: snapshot.region },
    get traffic() {
      return sent.total();
    },
    get allocated() {
      return sums.size * EBS_BLOCK;
    },
    stored: (diskOffset, length) => stored.add(diskOffset, length),
    async write(imageOffset, buffers, current) {
      throwIfAborted(current);
      signal = current;
      let at = imageOffset;
      for (const buffer of buffers) {
        await blocks.write(at, buffer);
        at += buffer.length;
      }
    },
    async zeros(imageOffset, count, current) {
      throwIfAborted(current);
      signal = current;
      await blocks.zeros(imageOffset, count);
    },
    async finish(length, current, onProgress) {
      signal = current;
      await blocks.finish();
      onProgress?.({ phase: 'sending', done: sent.total().bytes, total: length });
      await untilAborted(flight.done(), current);
      if (verify) await complete(); // nothing can be read before
    },
    ...(verify && {
      readBack: (size: number, current?: AbortSignal) => ebsFile(snapshot, size, current),
    }),
    async commit() {
      await complete();
      forget();
    },
    settle() {
      snapshot.close();
      return Promise.resolve();
    },
    async discard() {
      stop.abort();
      await flight.settled();
      try {
        await snapshot.remove();
      } catch (error) {
        const failed = `the EBS snapshot ${id} could not be deleted`;
        options.onWarning?.(leftBehind(failed, error, remedy));
      }
      forget();
      snapshot.close();
    },
  };
  return openSink(sink);
}

/** SHA-256 of the SHA-256 of all blocks in the order of the disk, in Base64. */
function linearSum(sums: ReadonlyMap<number, Buffer>): string {
  const hash = createHash('sha256');
  for (const index of [...sums.keys()].sort((one, other) => one - other)) {
    hash.update(sums.get(index)!); // its own key
  }
  return hash.digest('base64');
}
