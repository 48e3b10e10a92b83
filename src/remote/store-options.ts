import type { ErrorCode, OnWarning } from '../errors.ts';
import type { Environment } from './http/route.ts';
import type { Timeouts } from './http/exchange.ts';

/** How a store is reached. */
export interface StoreOptions {
  /** The code of its errors: `target` of one that is written to, `source` of one that is read. */
  readonly code: ErrorCode;
  /** Address of the service, in the place of the cloud's own. */
  readonly endpoint?: string | undefined;
  /** Default: that of the process. */
  readonly env?: Environment | undefined;
  readonly timeouts?: Partial<Timeouts> | undefined;
  /** How long failures are retried, in milliseconds. Default: two minutes. */
  readonly patience?: number | undefined;
  /** The first wait before a retry, in milliseconds. */
  readonly firstWait?: number | undefined;
  /** Called before each retry. */
  readonly onRetry?: (() => void) | undefined;
}

/** How a file in a store is read. */
export interface ReadOptions extends Omit<StoreOptions, 'code' | 'onRetry'> {
  /** Requests at the same time. */
  readonly connections?: number | undefined;
  /** Aborts all reading of the file with a KexportError `aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/** How an image is sent to a store. */
export interface SendOptions extends Omit<StoreOptions, 'code' | 'onRetry'> {
  /** Replaces what has the name already. Default: that is an error `exists`. */
  readonly force?: boolean | undefined;
  /** Makes the image readable between `finish` and `commit`. */
  readonly verify?: boolean | undefined;
  /** Requests at the same time. */
  readonly connections?: number | undefined;
  /** Bytes that the image has at most; undefined if nothing is known of it. */
  readonly maxLength?: number | undefined;
  /** Size of the disk in the image in bytes; undefined if it is not known yet. */
  readonly diskSize?: number | undefined;
  /** Name of the image's format, such as `raw`. */
  readonly formatName?: string | undefined;
  /** What the image is of, in words. */
  readonly description?: string | undefined;
  /** Called with what could not be removed. */
  readonly onWarning?: OnWarning | undefined;
  /** Aborts the opening with a KexportError `aborted`. */
  readonly signal?: AbortSignal | undefined;
}
