import { KexportError } from '../errors.ts';

/**
 * Throws a KexportError if a segment of the path of an address is `.` or `..`. Every address is
 * freed of these (WHATWG URL, "path state"), and then is that of something else.
 */
export function refuseDots(name: string, segments: readonly string[]): void {
  const found = segments.find((segment) => segment === '.' || segment === '..');
  if (found === undefined) return;
  const what = `${name} cannot be addressed: ${found} in a key would lead to another object`;
  throw new KexportError('usage', what, { hint: 'leave it out of the key' });
}
