import type { Verdict } from '../images/verify.ts';
import type { StreamDescription } from '../zfs-send/describe.ts';

/** The result of a check of a send stream. */
export interface SentVerdict extends Verdict {
  /** The streams that were read; undefined if that failed, or if a disk was compared. */
  readonly streams: readonly StreamDescription[] | undefined;
}
