// Takes and discards checkpoints of pools. A checkpoint keeps every block of one state of the pool
// on disk until it is discarded. A property of the pool's root dataset marks it as ours; it is set
// after the checkpoint, so that the saved state does not have it.

import { KexportError, messageOf, type OnWarning } from '../../errors.ts';
import { leftBehind } from '../../host/left-behind.ts';
import { noteLeftover } from '../../host/leftovers.ts';
import { shellWord } from '../../host/shell-word.ts';
import { type Leftover, ownerState, thisOwner } from '../../host/owner.ts';
import { zfs, zfsFailure, zpool } from '../run.ts';
import { intentOf, noteIntent } from './intent.ts';
import { parsePoolStatus } from './pool-status.ts';

/** A checkpoint that this program has taken. */
export interface Checkpoint {
  readonly pool: string;
  /** The transaction group whose state the checkpoint keeps. */
  readonly txg: bigint;
  /** Throws a KexportError if the pool no longer has this checkpoint. */
  checkIntact(): Promise<void>;
  /** How much of the space that was freed since it still occupies, in bytes. */
  heldBytes(): Promise<number>;
  /**
   * Discards the checkpoint, and waits until its space is free. Returns why it could not be
   * discarded, or undefined once it is gone.
   */
  readonly discard: () => Promise<string | undefined>;
}

/** User property: `TXG:` and the process that took the checkpoint, as in `owner.ts`. */
const PROPERTY = 'kexport:checkpoint';

/**
 * Takes a checkpoint. `capture` is called as soon as the checkpoint exists, before any other
 * command for the pool, since the labels that it reads are overwritten within seconds. Throws a
 * KexportError, and warns if the checkpoint is left behind then.
 */
export async function takeCheckpoint<T>(
  pool: string,
  capture: () => Promise<T>,
  onWarning?: OnWarning,
): Promise<{ readonly checkpoint: Checkpoint; readonly captured: T }> {
  const forget = noteLeftover(`the checkpoint of pool ${pool}`, discardCommand(pool));
  let created: string | undefined;
  const forgetIntent = await noteIntent(pool);
  try {
    await zpool(['checkpoint', pool]);
  } catch (error) {
    forget();
    await forgetIntent();
    throw await explained(pool, error);
  }
  try {
    const captured = await capture();
    const txg = await checkpointedTxg(pool);
    if (txg === undefined) {
      throw new KexportError('source', `zpool history -i ${pool} does not list the checkpoint`);
    }
    await zfs(['set', `${PROPERTY}=${txg}:${await thisOwner()}`, pool]);
    await forgetIntent();
    created = await createdAt(pool);
    return { checkpoint: { pool, txg, checkIntact, heldBytes, discard }, captured };

    async function checkIntact(): Promise<void> {
      if ((await createdAt(pool)) === created) return;
      throw new KexportError(
        'source',
        `the checkpoint of pool ${pool} was discarded while its disk was read: what was read is of no use`,
      );
    }
  } catch (error) {
    await discardOrWarn({ pool, discard }, onWarning);
    throw error;
  }

  async function heldBytes(): Promise<number> {
    const [held] = await zpool(['get', '-Hp', '-o', 'value', 'checkpoint', pool]);
    return Number(held) || 0;
  }

  async function discard(): Promise<string | undefined> {
    // Somebody else may have discarded ours meanwhile and taken another.
    const problem = await discardCheckpoint(pool, created);
    if (problem === undefined) {
      forget();
      await forgetIntent();
    }
    return problem;
  }
}

/**
 * A command that was killed may still have taken the checkpoint; but nothing says whose a
 * checkpoint without our mark is.
 */
async function explained(pool: string, error: unknown): Promise<unknown> {
  const isThere = zfsFailure(error) === 'other' && (await hasCheckpoint(pool).catch(() => false));
  if (!isThere || !(error instanceof KexportError)) return error;
  return new KexportError(error.code, `${error.message}; yet the pool has a checkpoint now`, {
    cause: error,
    hint: `if nobody else has taken it: ${discardCommand(pool)}`,
  });
}

/** Discards a checkpoint, and warns if that fails. Returns whether the checkpoint is gone. */
export async function discardOrWarn(
  { pool, discard }: Pick<Checkpoint, 'pool' | 'discard'>,
  onWarning: OnWarning | undefined,
): Promise<boolean> {
  const problem = await discard();
  if (problem === undefined) return true;
  const what = `the checkpoint of pool ${pool} is left behind`;
  onWarning?.(leftBehind(what, problem, discardCommand(pool)));
  return false;
}

/** The command for a person to discard it. */
function discardCommand(pool: string): string {
  return `zpool checkpoint -d ${shellWord(pool)}`;
}

/** Whether the pool has a checkpoint. */
export async function hasCheckpoint(pool: string): Promise<boolean> {
  const [held] = await zpool(['get', '-Hp', '-o', 'value', 'checkpoint', pool]);
  return held !== undefined && held !== '-';
}

/** When the checkpoint of a pool was taken, as zpool prints it; undefined if there is none. */
async function createdAt(pool: string): Promise<string | undefined> {
  const { checkpoint } = parsePoolStatus(await zpool(['status', pool]));
  return /^created (.*), consumes /.exec(checkpoint ?? '')?.[1];
}

/**
 * The transaction group of the last checkpoint that was taken; undefined if the history of the
 * pool, the only place that has it, does not go back that far.
 */
async function checkpointedTxg(pool: string): Promise<bigint | undefined> {
  const lines = await zpool(['history', '-i', pool]);
  const txg = lines
    .map((line) => /checkpointed uberblock txg=(\d+)/.exec(line)?.[1])
    .findLast(Boolean);
  return txg === undefined ? undefined : BigInt(txg);
}

/** With `created`, discards only a checkpoint that was taken at that time. */
async function discardCheckpoint(pool: string, created?: string): Promise<string | undefined> {
  try {
    const isOther = created !== undefined && (await createdAt(pool)) !== created;
    if (!isOther && (await hasCheckpoint(pool))) await zpool(['checkpoint', '-d', '-w', pool]);
    await zfs(['inherit', PROPERTY, pool]);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/**
 * Lists the checkpoints that the pools of this machine have now. One without the mark of this
 * program is `unmarked`, unless a run noted that it was about to take it. Throws a KexportError.
 */
export async function listCheckpoints(): Promise<Leftover[]> {
  const found: Leftover[] = [];
  for (const pool of await zpool(['list', '-H', '-o', 'name'])) {
    const created = await createdAt(pool);
    if (created === undefined) continue;
    const [record] = await zfs(['get', '-H', '-o', 'value', '-s', 'local', PROPERTY, pool]);
    const [, txg, owner] = /^(\d+):(.*)$/.exec(record ?? '') ?? [];
    // The mark may be that of an earlier checkpoint, which somebody has replaced.
    const isOurs = txg !== undefined && (await checkpointedTxg(pool)) === BigInt(txg);
    found.push({
      name: `the checkpoint of pool ${pool}`,
      state: isOurs
        ? await ownerState(owner ?? '')
        : ((await intentOf(pool, new Date(created))) ?? 'unmarked'),
      remedy: discardCommand(pool),
      remove: () => discardCheckpoint(pool, created),
    });
  }
  return found;
}
