import { KexportError, option, wording } from '../../errors.ts';
import type { Checkpoint } from './checkpoint.ts';

/** Watches how much space a checkpoint keeps from being freed. */
export interface HoldWatch {
  /** Throws a KexportError once that is too much; the checkpoint is discarded by then. */
  check(): void;
  /** Ends the watch, and waits for a check that is under way. */
  stop(): Promise<void>;
}

/**
 * How much a checkpoint may hold back of a pool with `free` bytes of free space: `maxHold`, by
 * default half of it. In bytes.
 */
export function maxHoldOf(free: number, maxHold: number | undefined): number {
  return maxHold ?? Math.floor(free / 2);
}

const INTERVAL = 2000; // milliseconds

/**
 * Discards a checkpoint as soon as it holds back more than `maxHold` bytes, rather than let the
 * pool fill up.
 */
export function watchHold(checkpoint: Checkpoint, maxHold: number): HoldWatch {
  let exceeded: KexportError | undefined;
  let busy: Promise<void> | undefined;
  const timer = setInterval(() => {
    busy ??= look().finally(() => (busy = undefined));
  }, INTERVAL);
  timer.unref();

  return {
    check() {
      if (exceeded) throw exceeded;
    },
    async stop() {
      clearInterval(timer);
      await busy;
    },
  };

  async function look(): Promise<void> {
    const held = await checkpoint.heldBytes().catch(() => 0);
    if (held <= maxHold || exceeded) return;
    const { pool } = checkpoint;
    exceeded = new KexportError(
      'source',
      `the checkpoint of pool ${pool} holds back ${held} bytes that were freed since, more than the ${maxHold} it may`,
      {
        hint: wording`export when less is written, or allow more with ${option('checkpointLimit')}`,
      },
    );
    await checkpoint.discard();
  }
}
