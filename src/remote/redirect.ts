import { KexportError } from '../errors.ts';
import type { HttpResponse } from './http/exchange.ts';
import { shownUrl } from './http/secrets.ts';

/** Statuses that name another address, which may be asked by GET (RFC 9110, section 15.4). */
export const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/**
 * Where an answer says that the file `name` is. The user and the password in an address are for its
 * own server alone. Throws a KexportError for no address, and for one by http after https.
 */
export function redirectedTo(name: string, from: URL, { status, headers }: HttpResponse): URL {
  const { location } = headers;
  if (location === undefined || !URL.canParse(location, from.href)) {
    throw new KexportError('source', `cannot open ${name}: HTTP ${status} without an address`);
  }
  const to = new URL(location, from);
  const isSafe = to.protocol === 'https:' || (to.protocol === 'http:' && from.protocol === 'http:');
  if (!isSafe) {
    const what = `cannot open ${name}: it is redirected to ${shownUrl(to)}`;
    throw new KexportError('source', what, { hint: 'only https:// is followed from https://' });
  }
  if (to.origin === from.origin && to.username === '') {
    to.username = from.username;
    to.password = from.password;
  }
  return to;
}
