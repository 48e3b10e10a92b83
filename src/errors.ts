import { host } from '#host';
import { FormatError } from '../formats/errors.ts';

/**
 * What kind of failure an error is:
 *
 * - `usage`: the request makes no sense;
 * - `source`: the disk cannot be read as asked;
 * - `damaged`: the image that the disk is in contradicts itself;
 * - `target`: the image cannot be written;
 * - `exists`: the image, or a partial one, is there already;
 * - `unsupported`: the format or this machine cannot do it;
 * - `aborted`: the caller's signal was aborted.
 */
export type ErrorCode =
  'usage' | 'source' | 'damaged' | 'target' | 'exists' | 'unsupported' | 'aborted';

/** The options of the library that an error may name. The command line has a flag for each. */
export const OPTION_NAMES = [
  'allowBacking',
  'allowTruncated',
  'backingFile',
  'checkpointLimit',
  'compression',
  'disk',
  'flatten',
  'force',
  'from',
  'incrementalFrom',
  'liveInconsistent',
  'size',
  'streamSnapshot',
  'streamVolume',
  'takeSnapshot',
  'verify',
] as const;

/** One of {@link OPTION_NAMES}. */
export type OptionName = (typeof OPTION_NAMES)[number];

/** An option in the text of an error: by its name alone, or with the value that it is to have. */
export interface OptionMention {
  /** Its name in the library. */
  readonly option: OptionName;
  /** Undefined where the option is only named. */
  readonly value: string | number | boolean | undefined;
}

/** Text for people whose options are written in the notation of whoever shows it. */
export type Wording = string | readonly (string | OptionMention)[];

/** Writes an option as the caller knows it: `{ force: true }` or `--force`. */
export type Notation = (mention: OptionMention) => string;

/** What goes with the message of a {@link KexportError}. */
export interface ErrorDetails {
  /** What failed below, such as a system call. */
  readonly cause?: unknown;
  /** A command or an option that helps. */
  readonly hint?: Wording | undefined;
}

/** The texts of a {@link KexportError} in one notation. */
export interface ErrorText {
  /** What was tried, on what, what was found. */
  readonly message: string;
  /** A command or an option that helps; undefined if none is known. */
  readonly hint: string | undefined;
}

/**
 * An error to show to a person: what was tried, on what, what was found. Anything else thrown is a
 * bug.
 */
export class KexportError extends Error {
  /** What kind of failure it is. */
  readonly code: ErrorCode;
  readonly #message: Wording;
  readonly #hint: Wording | undefined;

  /** `message` is one line without a full stop. */
  constructor(code: ErrorCode, message: Wording, { cause, hint }: ErrorDetails = {}) {
    super(written(message, asProperty), { cause });
    this.name = 'KexportError';
    this.code = code;
    this.#message = message;
    this.#hint = hint;
  }

  /** A command or an option that helps; options are written `{ force: true }`. */
  get hint(): string | undefined {
    return this.inNotation(asProperty).hint;
  }

  /** The message and the hint with options in another notation, such as `--force`. */
  inNotation(notation: Notation): ErrorText {
    const hint = this.#hint === undefined ? undefined : written(this.#hint, notation);
    return { message: written(this.#message, notation), hint };
  }
}

/**
 * What a warning is about:
 *
 * - `import`: importers or firmware are known to refuse the disk;
 * - `cut-off`: the disk ends before its partition table or file system does;
 * - `backup-gpt`: the disk is rounded up, and the backup of its GPT is not at its new end;
 * - `looks-like-image`: what is read as a raw disk begins like an image, an archive or text;
 * - `partition`: the disk is one partition of another;
 * - `ambiguous-name`: a name means two things;
 * - `inconsistent`: the disk may be written to while it is read;
 * - `free-space`: the free space of a pool is copied, and what was deleted there;
 * - `full`: a file system or a pool may be filled by the run;
 * - `left-behind`: something that was made for the run could not be removed.
 */
export type WarningCode =
  | 'import'
  | 'cut-off'
  | 'backup-gpt'
  | 'looks-like-image'
  | 'partition'
  | 'ambiguous-name'
  | 'inconsistent'
  | 'free-space'
  | 'full'
  | 'left-behind';

/** Something to know about a run that goes on all the same. */
export class Warning {
  /** What it is about. */
  readonly code: WarningCode;
  readonly #message: Wording;

  /** `message` is a sentence without a full stop. */
  constructor(code: WarningCode, message: Wording) {
    this.code = code;
    this.#message = message;
  }

  /** What was found and what it means; options are written `{ force: true }`. */
  get message(): string {
    return this.inNotation(asProperty);
  }

  /** The message with options in another notation, such as `--force`. */
  inNotation(notation: Notation): string {
    return written(this.#message, notation);
  }
}

/** Receives the warnings of a run. */
export type OnWarning = (warning: Warning) => void;

/** An option to put into a {@link wording}: named, or with the value that it is to have. */
export function option(name: OptionName, value?: OptionMention['value']): OptionMention {
  return { option: name, value };
}

/** Tags a template whose options are written in the notation of whoever shows the text. */
export function wording(
  texts: TemplateStringsArray,
  ...values: readonly (Wording | number | OptionMention)[]
): Wording {
  return texts.flatMap((text, index) => {
    const value = values[index] ?? '';
    return [text, typeof value === 'number' ? String(value) : value].flat();
  });
}

function written(text: Wording, notation: Notation): string {
  if (typeof text === 'string') return text;
  return text.map((part) => (typeof part === 'string' ? part : notation(part))).join('');
}

/** The notation of the library: a property of an options object. */
function asProperty({ option: name, value }: OptionMention): string {
  return value === undefined ? name : `{ ${name}: ${JSON.stringify(value)} }`;
}

/**
 * A FormatError as an error for people, which names the image or the stream `name` and has the kind
 * of the FormatError as its code. Returns any other error as it is.
 */
export function asKexportError(error: unknown, name?: string, hint?: Wording): unknown {
  if (!(error instanceof FormatError)) return error;
  const message = name === undefined ? error.message : `${name}: ${error.message}`;
  return new KexportError(error.kind, message, {
    cause: error,
    ...(hint !== undefined && { hint }),
  });
}

/**
 * The operating system's words for a failed call, "no space left on device (ENOSPC)"; else the
 * error's own.
 */
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

/** Throws the error that an aborted run ends with. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new KexportError('aborted', 'interrupted', { cause: signal.reason });
}

/**
 * Waits for something, but no longer than until an abort: then throws the error that an aborted run
 * ends with.
 */
export async function untilAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(new KexportError('aborted', 'interrupted', { cause: signal?.reason }));
  });
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort);
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}
