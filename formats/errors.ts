/**
 * Why something cannot be read or written. `damaged`: the image, the stream or the pool contradicts itself or its
 * format. `unsupported`: nothing is wrong with it, but it uses something that is not implemented here, or what was
 * asked for does not fit it.
 */
export type FormatErrorKind = 'damaged' | 'unsupported';

/**
 * An image, a stream or a pool that cannot be read or written as asked. It is not a bug, and its message is for people:
 * a clause that says what was found where, and what was expected.
 */
export class FormatError extends Error {
  /** `FormatError`. */
  override readonly name = 'FormatError';
  readonly kind: FormatErrorKind;

  constructor(kind: FormatErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
