import { FormatError } from '../errors.ts';

/** Why a valid stream cannot be used as requested. */
export type RefusalReason =
  | 'deduplicated'
  | 'encrypted'
  | 'features'
  | 'file-system'
  | 'incremental'
  | 'no-stream' // it is something else
  | 'partial'
  | 'redacted'
  | 'resumed'
  | 'snapshot' // it lacks the snapshot that was requested
  | 'volume'; // it lacks the volume that was requested, or has several

/** A stream that is valid, but cannot be used as requested. */
export class StreamRefusal extends FormatError {
  /** Why it cannot be used. */
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, message: string) {
    super('unsupported', message);
    this.reason = reason;
  }
}
