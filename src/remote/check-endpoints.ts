import { KexportError } from '../errors.ts';
import type { StoreOptions } from './store-options.ts';

/**
 * Throws a KexportError if the address of a service, which is given or which one of the variables
 * has, is not one of http or https.
 */
export function checkEndpoints(
  { endpoint, env = process.env }: Pick<StoreOptions, 'endpoint' | 'env'>,
  variables: readonly string[] = [],
): void {
  if (endpoint !== undefined) check('the endpoint', endpoint);
  for (const name of variables) if (env[name]) check(name, env[name]);
}

function check(what: string, text: string): void {
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) return;
  const shown = text.replace(/^.*@|[?#].*$/gs, ''); // what may be secret
  throw new KexportError('usage', `${what} is not an address of http or https: "${shown}"`, {
    hint: 'it looks like https://HOST:PORT',
  });
}
