import { setTimeout } from 'node:timers/promises';
import { throwIfAborted } from '../../errors.ts';
import { failureOf } from '../http/failure.ts';
import { type RemoteFile, remoteFile } from '../remote-file.ts';
import { EBS_BLOCK, type EbsSnapshot } from './ebs-snapshot.ts';

/** How long a completed snapshot may be pending, and how often it is asked, in milliseconds. */
const PENDING = 3_600_000;
const INTERVAL = 2000;

/**
 * The disk in a snapshot, of `size` bytes, once EBS has it: that is waited for. What has no block
 * reads as zeros.
 */
export function ebsFile(
  snapshot: EbsSnapshot,
  size: number,
  signal: AbortSignal | undefined,
): RemoteFile {
  let tokens: Promise<ReadonlyMap<number, string>> | undefined;
  const read = async (position: number, target: Uint8Array) => {
    tokens ??= listAll(snapshot, signal);
    const known = await tokens;
    for (let done = 0; done < target.length;) {
      const index = Math.floor((position + done) / EBS_BLOCK);
      const from = position + done - index * EBS_BLOCK;
      const length = Math.min(EBS_BLOCK - from, target.length - done);
      const token = known.get(index);
      const block = token === undefined ? undefined : await snapshot.get(index, token, signal);
      if (block) target.set(block.subarray(from, from + length), done);
      else target.fill(0, done, done + length);
      done += length;
    }
  };
  return remoteFile('the snapshot', size, read);
}

async function listAll(
  snapshot: EbsSnapshot,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<number, string>> {
  const tokens = new Map<number, string>();
  for (let from: number | undefined = 0; from !== undefined;) {
    const page = await whenReady(() => snapshot.list(from ?? 0, signal), signal);
    for (const [index, token] of page.tokens) tokens.set(index, token);
    from = page.next;
  }
  return tokens;
}

/** EBS answers 409 or 400 to what is asked of a snapshot that is pending. */
async function whenReady<T>(ask: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const end = performance.now() + PENDING;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const { serviceCode = '' } = failureOf(error) ?? {};
      const isPending = /^(INVALID_SNAPSHOT|SNAPSHOT_NOT_FOUND|ConflictException|CONFLICT)/.test(
        serviceCode,
      );
      if (!isPending || performance.now() > end) throw error;
    }
    await setTimeout(INTERVAL, undefined, { signal }).catch(() => throwIfAborted(signal));
  }
}
