// Copies the datasets of the source into the pool of a golden image, by zfs send and zfs receive.

import { pipeline } from 'node:stream/promises';
import { KexportError, option, throwIfAborted, wording } from '../../errors.ts';
import { isOurName } from '../leftovers.ts';
import { zfs, zfsFailure, zfsInput, zfsOutput } from '../run.ts';
import { inPool, type SendUnit } from './datasets.ts';
import { snapshotsOf } from './temporary-pool.ts';

/** What is copied, and how. */
export interface CopyOptions {
  /** Name of the snapshot that all datasets have. */
  readonly snapshot: string;
  /** The pool on this machine that receives them. */
  readonly pool: string;
  /** Keeps the snapshots of the source. */
  readonly withSnapshots: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Copies one unit. Throws a KexportError. */
export async function copyUnit(unit: SendUnit, options: CopyOptions): Promise<void> {
  const { dataset, isTree, isEncrypted } = unit;
  const { snapshot, pool, withSnapshots } = options;
  const target = inPool(pool, dataset);
  // Blocks as they are stored; of an encrypted dataset as ciphertext, which needs no key.
  const kind = isEncrypted ? ['-w'] : ['-L', '-c', '-e'];
  const last = `${dataset}@${snapshot}`;
  // The root dataset is there already.
  const receive = ['receive', '-u', ...(target === pool ? ['-F'] : []), target];
  if (isTree) {
    await sendTo([...kind, '-R', last], receive, options);
    return;
  }
  const earlier = withSnapshots ? await earlierThan(dataset, snapshot) : [];
  const [first] = earlier;
  await sendTo([...kind, '-p', first ?? last], receive, options);
  // Properties once more: some may have been set since that snapshot.
  if (first !== undefined) await sendTo([...kind, '-p', '-I', first, last], receive, options);
}

async function sendTo(
  send: readonly string[],
  receive: readonly string[],
  { signal }: CopyOptions,
): Promise<void> {
  throwIfAborted(signal);
  const output = await zfsOutput(['send', ...send]);
  const input = await zfsInput(receive);
  try {
    await pipeline(output.stdout, input.stdin, { ...(signal && { signal }) }).catch(
      async (error: unknown) => {
        throwIfAborted(signal);
        // The side that has failed says why; the other was only cut off.
        await input.ended(signal);
        await output.ended(signal);
        throw error;
      },
    );
    await output.ended(signal);
    await input.ended(signal);
  } catch (error) {
    throw explained(error);
  } finally {
    output.stop();
    input.stop();
  }
}

function explained(error: unknown): unknown {
  if (zfsFailure(error) !== 'no-space' || !(error instanceof KexportError)) return error;
  return new KexportError('target', `the pool of the image is full: ${error.message}`, {
    cause: error,
    hint: wording`give it more with ${option('diskSize')}`,
  });
}

/** The snapshots of a dataset before that one, by their full names, the oldest first. */
async function earlierThan(dataset: string, snapshot: string): Promise<string[]> {
  const args = [
    'list',
    '-H',
    '-t',
    'snapshot',
    '-o',
    'name',
    '-s',
    'createtxg',
    '-d',
    '1',
    dataset,
  ];
  const names = await zfs(args);
  const end = names.indexOf(`${dataset}@${snapshot}`);
  return names.slice(0, end).filter((name) => !isOurName(name));
}

/**
 * Destroys what came with the streams and is not to be in the image: the snapshots, or only those
 * that exports have made, and datasets of other boot environments. Throws a KexportError.
 */
export async function destroyExcess(
  { pool, withSnapshots, signal }: CopyOptions,
  datasets: readonly string[],
): Promise<void> {
  for (const dataset of datasets) await zfs(['destroy', '-r', inPool(pool, dataset)]);
  for (const name of await snapshotsOf(pool)) {
    throwIfAborted(signal);
    if (!withSnapshots || isOurName(name)) await zfs(['destroy', name]);
  }
}
