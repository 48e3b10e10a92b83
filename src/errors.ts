import { host } from '#host';
import { FormatError } from '../formats/errors.ts';

/**
 * The kind of failure:
 *
 * - `usage`: the request makes no sense;
 * - `source`: the disk cannot be read as requested;
 * - `damaged`: the image that the disk is in contradicts itself;
 * - `target`: the image cannot be written;
 * - `exists`: the image, or a partial one, exists already;
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
  'diskSize',
  'flatten',
  'force',
  'from',
  'incrementalFrom',
  'internalSnapshot',
  'liveInconsistent',
  'ovaDisk',
  'size',
  'snapshotSize',
  'streamSnapshot',
  'streamVolume',
  'takeSnapshot',
  'verify',
] as const;

/** One of {@link OPTION_NAMES}. */
export type OptionName = (typeof OPTION_NAMES)[number];

/** An option in the text of an error: by its name alone, or with a value. */
export interface OptionMention {
  /** Its name in the library. */
  readonly option: OptionName;
  /** Its value; undefined if only the option is named. */
  readonly value: string | number | boolean | undefined;
}

/** Text for the user. Options in it are written in the notation of the program that shows it. */
export type Wording = string | readonly (string | OptionMention)[];

/** Writes an option in the notation of the caller: `{ force: true }` or `--force`. */
export type Notation = (mention: OptionMention) => string;

/** Details of a {@link KexportError} besides its message. */
export interface ErrorDetails {
  /** The error that caused it, such as that of a system call. */
  readonly cause?: unknown;
  /** A command or an option that helps. */
  readonly hint?: Wording | undefined;
}

/** The texts of a {@link KexportError} in one notation. */
export interface ErrorText {
  /** Says what was tried, on what, and what was found. */
  readonly message: string;
  /** A command or an option that helps; undefined if none is known. */
  readonly hint: string | undefined;
}

/**
 * An error to show to the user, which says what was tried, on what, and what was found. Any other
 * error is a bug.
 */
export class KexportError extends Error {
  /** The kind of failure. */
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
 * - `looks-like-image`: a disk that is read as raw begins like an image, an archive or text;
 * - `partition`: the disk is one partition of another;
 * - `ambiguous-name`: a name means two things;
 * - `inconsistent`: the disk may be written to while it is read;
 * - `decrypted`: the images hold in clear what is encrypted here;
 * - `frozen`: file systems are frozen while the disk is read;
 * - `free-space`: the free space of a pool is copied, including deleted data;
 * - `full`: the export may fill a file system or a pool;
 * - `identity`: a golden image keeps something of the machine that it was made of;
 * - `priority`: the run could not be made to give way to other programs as asked;
 * - `left-behind`: something that was made for the export could not be removed.
 */
export type WarningCode =
  | 'import'
  | 'cut-off'
  | 'backup-gpt'
  | 'looks-like-image'
  | 'partition'
  | 'ambiguous-name'
  | 'inconsistent'
  | 'decrypted'
  | 'frozen'
  | 'free-space'
  | 'full'
  | 'identity'
  | 'priority'
  | 'left-behind';

/** A warning about an export, which continues. */
export class Warning {
  /** The subject of the warning. */
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

/** Receives the warnings of an export. */
export type OnWarning = (warning: Warning) => void;

/** An option for a {@link wording}, by its name alone or with a value. */
export function option(name: OptionName, value?: OptionMention['value']): OptionMention {
  return { option: name, value };
}

/** Tags a template whose options are written in the notation of the program that shows the text. */
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
 * Turns a FormatError into a KexportError that names the image or the stream `name` and has the
 * kind of the FormatError as its code. Returns any other error as it is.
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
 * The operating system's description of a failed call, "no space left on device (ENOSPC)"; for
 * other errors, their message.
 */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { errno, code } = error as NodeJS.ErrnoException;
  const known = errno === undefined ? undefined : host.systemError(errno);
  if (known) return `${known[1]} (${known[0]})`;
  return code ? `${error.message} (${code})` : error.message;
}

/** The message of whatever was thrown, without its code. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The KexportError for a failure of the machine where none is expected: a system call that fails,
 * no memory, no thread. Undefined for any other error, which is a bug.
 */
export function environmentError(error: unknown): KexportError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { syscall, path, code } = error as NodeJS.ErrnoException;
  if (syscall === 'uv_cwd') {
    return new KexportError('source', 'the current folder no longer exists', { cause: error });
  }
  if (syscall !== undefined) {
    const what = path === undefined ? syscall : `${syscall} ${path}`;
    return new KexportError('source', `${what}: ${reasonOf(error)}`, { cause: error });
  }
  const isMemory = error instanceof RangeError && /allocat|memory/i.test(error.message);
  if (isMemory || code === 'ERR_WORKER_OUT_OF_MEMORY' || code === 'ENOMEM') {
    const hint = 'give it more, or use fewer threads: 256 MiB and 16 MiB a thread are enough';
    return new KexportError('source', `no memory: ${error.message}`, { cause: error, hint });
  }
  if (code !== 'ERR_WORKER_INIT_FAILED') return undefined;
  return new KexportError('source', `cannot start a thread: ${error.message}`, { cause: error });
}

/**
 * A KexportError that says what was tried, if the machine has failed where that is not expected;
 * any other error as it is.
 */
export function unexpectedFailure(tried: string, error: unknown): unknown {
  const known = environmentError(error);
  if (!known) return error;
  return new KexportError(known.code, `${tried}: ${known.message}`, {
    cause: error,
    hint: known.hint,
  });
}

/** The code of a failed system call, such as ENOENT. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

/** Throws a KexportError `aborted` if the signal is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new KexportError('aborted', 'interrupted', { cause: signal.reason });
}

/** Waits for a promise, or until the signal is aborted: then throws a KexportError `aborted`. */
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
