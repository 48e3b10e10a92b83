/**
 * Why something cannot be read or written. `damaged`: the image, the stream or the pool contradicts
 * itself or its specification. `unsupported`: nothing is wrong with it, but it uses something that
 * is not implemented here, or the request does not fit it.
 */
export type FormatErrorKind = 'damaged' | 'unsupported';

/**
 * An image, a stream or a pool that cannot be read or written as requested. It is never a bug. Its
 * message is for people: a clause that says what was found where, and what was expected.
 */
export class FormatError extends Error {
  /** `FormatError`. */
  override readonly name = 'FormatError';
  /** Whether something is damaged or only not supported. */
  readonly kind: FormatErrorKind;

  constructor(kind: FormatErrorKind, message: string, options?: ErrorOptions) {
    super(shortened(message), options);
    this.kind = kind;
  }
}

/** Limit of this program on a message, in characters: names in an image may have a million. */
const MAX_MESSAGE = 1000;

/** A message for people, whatever names are in it. */
export function shortened(message: string): string {
  return message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}...` : message;
}

/** Makes a FormatError of one kind from the clause that follows the format's name. */
type Fault = (clause: string, options?: ErrorOptions) => FormatError;

/** Both kinds of FormatError of one format; its name begins each message. */
export function faultsOf(format: string): { readonly damaged: Fault; readonly unsupported: Fault } {
  const fault =
    (kind: FormatErrorKind): Fault =>
    (clause, options) =>
      new FormatError(kind, `${format}: ${clause}`, options);
  return { damaged: fault('damaged'), unsupported: fault('unsupported') };
}
