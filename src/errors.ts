import { host } from '#host';

/** What kind of failure an error is; `cli/exit.ts` maps each to an exit status. */
export type ErrorCode =
  | 'usage' // the request makes no sense
  | 'source' // the disk cannot be read as asked
  | 'damaged' // the image that the disk is in contradicts itself
  | 'target' // the image cannot be written
  | 'exists' // the image, or a partial one, is there already
  | 'unsupported' // the format or this machine cannot do it
  | 'aborted'; // the caller's signal

/** An error to show to a person: what was tried, on what, what was found. Anything else thrown is a bug. */
export class KexportError extends Error {
  readonly code: ErrorCode;
  /** A command or an option that helps. */
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; hint?: string } = {}) {
    super(message, { cause: options.cause });
    this.name = 'KexportError';
    this.code = code;
    this.hint = options.hint;
  }
}

/** The operating system's words for a failed call, "no space left on device (ENOSPC)"; else the error's own. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { errno, code } = error as NodeJS.ErrnoException;
  const known = errno === undefined ? undefined : host.systemError(errno);
  if (known) return `${known[1]} (${known[0]})`;
  return code ? `${error.message} (${code})` : error.message;
}

/** The code of a failed system call, such as ENOENT. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

/** Throws the error that an aborted export ends with. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new KexportError('aborted', 'interrupted', { cause: signal.reason });
}
