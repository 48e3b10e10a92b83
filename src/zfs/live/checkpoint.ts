// A checkpoint of a pool keeps every block of one state on disk until it is discarded. A property
// of the pool's root dataset says that it is ours; it is set after the checkpoint, so that it is
// not in the state itself.

import { KexportError } from '../../errors.ts';
import { noteLeftover } from '../../host/leftovers.ts';
import { shellWord } from '../../host/shell-word.ts';
import type { Leftover } from '../leftovers.ts';
import { ownerState, thisOwner } from '../owner.ts';
import { zfs, zfsFailure, zpool } from '../run.ts';
import { parsePoolStatus } from './pool-status.ts';

/** A checkpoint that this program has taken. */
export interface Checkpoint {
  readonly pool: string;
  /** The transaction group whose state it keeps. */
  readonly txg: bigint;
  /** Throws a KexportError if it is no longer the checkpoint of the pool. */
  checkIntact(): Promise<void>;
  /** What it holds back of what was freed since, in bytes. */
  heldBytes(): Promise<number>;
  /**
   * Discards it, and waits until its space is free. Answers why it is still there, or undefined if
   * it is gone.
   */
  discard(): Promise<string | undefined>;
}

/** `TXG:` and who took it, as in `owner.ts`. */
const PROPERTY = 'kexport:checkpoint';

/**
 * Takes a checkpoint. `capture` is called as soon as it is there, before anything else is asked of
 * the pool, since what it reads is overwritten within seconds. Throws a KexportError, and then has
 * left nothing.
 */
export async function takeCheckpoint<T>(
  pool: string,
  capture: () => Promise<T>,
): Promise<{ readonly checkpoint: Checkpoint; readonly captured: T }> {
  const forget = noteLeftover(`the checkpoint of pool ${pool}`, discardCommand(pool));
  let created: string | undefined;
  try {
    await zpool(['checkpoint', pool]);
  } catch (error) {
    forget();
    throw await explained(pool, error);
  }
  try {
    const captured = await capture();
    const txg = await checkpointedTxg(pool);
    if (txg === undefined) {
      throw new KexportError('source', `zpool history -i ${pool} does not tell of the checkpoint`);
    }
    await zfs(['set', `${PROPERTY}=${txg}:${await thisOwner()}`, pool]);
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
    await discard();
    throw error;
  }

  async function heldBytes(): Promise<number> {
    const [held] = await zpool(['get', '-Hp', '-o', 'value', 'checkpoint', pool]);
    return Number(held) || 0;
  }

  async function discard(): Promise<string | undefined> {
    // Ours may have been discarded meanwhile, and somebody else have taken one of their own.
    const problem = await discardCheckpoint(pool, created);
    if (problem === undefined) forget();
    return problem;
  }
}

/**
 * A command that was killed may have done its work; but whose a checkpoint without our mark is,
 * nothing tells.
 */
async function explained(pool: string, error: unknown): Promise<unknown> {
  const isThere = zfsFailure(error) === 'other' && (await hasCheckpoint(pool).catch(() => false));
  if (!isThere || !(error instanceof KexportError)) return error;
  return new KexportError(error.code, `${error.message}; yet the pool has a checkpoint now`, {
    cause: error,
    hint: `if nobody else has taken it: ${discardCommand(pool)}`,
  });
}

/** What a person types to discard it. */
export function discardCommand(pool: string): string {
  return `zpool checkpoint -d ${shellWord(pool)}`;
}

/** Whether the pool has a checkpoint. */
export async function hasCheckpoint(pool: string): Promise<boolean> {
  const [held] = await zpool(['get', '-Hp', '-o', 'value', 'checkpoint', pool]);
  return held !== undefined && held !== '-';
}

/** When the checkpoint of a pool was taken, in zpool's words; undefined if there is none. */
async function createdAt(pool: string): Promise<string | undefined> {
  const { checkpoint } = parsePoolStatus(await zpool(['status', pool]));
  return /^created (.*), consumes /.exec(checkpoint ?? '')?.[1];
}

/**
 * The transaction group of the last checkpoint that was taken, which only the pool's history tells,
 * as far back as it goes.
 */
async function checkpointedTxg(pool: string): Promise<bigint | undefined> {
  const lines = await zpool(['history', '-i', pool]);
  const txg = lines
    .map((line) => /checkpointed uberblock txg=(\d+)/.exec(line)?.[1])
    .findLast(Boolean);
  return txg === undefined ? undefined : BigInt(txg);
}

/** With `created`, only the checkpoint that was taken then. */
async function discardCheckpoint(pool: string, created?: string): Promise<string | undefined> {
  try {
    const isOther = created !== undefined && (await createdAt(pool)) !== created;
    if (!isOther && (await hasCheckpoint(pool))) await zpool(['checkpoint', '-d', '-w', pool]);
    await zfs(['inherit', PROPERTY, pool]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * The checkpoints that the pools of this machine have now. One that has no mark of this program is
 * `unmarked`: somebody else has taken it, or a run that was killed before it could set the mark.
 * Throws a KexportError.
 */
export async function listCheckpoints(): Promise<Leftover[]> {
  const found: Leftover[] = [];
  for (const pool of await zpool(['list', '-H', '-o', 'name'])) {
    const created = await createdAt(pool);
    if (created === undefined) continue;
    const [record] = await zfs(['get', '-H', '-o', 'value', '-s', 'local', PROPERTY, pool]);
    const [, txg, owner] = /^(\d+):(.*)$/.exec(record ?? '') ?? [];
    // Ours may be gone, and another in its place.
    const isOurs = txg !== undefined && (await checkpointedTxg(pool)) === BigInt(txg);
    found.push({
      name: `the checkpoint of pool ${pool}`,
      state: isOurs ? await ownerState(owner ?? '') : 'unmarked',
      remedy: discardCommand(pool),
      remove: () => discardCheckpoint(pool, created),
    });
  }
  return found;
}
