import { percentDecoded } from './http/percent-decoded.ts';
import { keepSecret } from './http/secrets.ts';

/** Parameters that say what an address is for, and are no secret. */
const OPEN = new Set(['sv', 'se', 'st', 'sp', 'sr', 'spr', 'si', 'ss', 'srt', 'sdd', 'ske', 'skt']);

/** Notes the user, the password and the parameters of an address as secrets. */
export function hideQuery({ username, password, searchParams }: URL): void {
  keepSecret(percentDecoded(username));
  keepSecret(percentDecoded(password));
  for (const [name, value] of searchParams) if (!OPEN.has(name)) keepSecret(value);
}
