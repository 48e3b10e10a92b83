/**
 * An image that cannot be written as asked, for a reason that lies in the disk or the request: no bug, and the
 * message is for people.
 */
export class FormatError extends Error {
  /** `FormatError`. */
  override readonly name = 'FormatError';
}
