// The proxy that the environment names for an address.

import { KexportError } from '../../errors.ts';
import { percentDecoded } from './percent-decoded.ts';
import { keepSecret } from './secrets.ts';

/** A proxy, which is asked by http. */
export interface Proxy {
  readonly url: URL;
  /** As a connection takes it: an address of IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Header fields with its user and password, if it has them. */
  readonly credentials: Readonly<Record<string, string>>;
}

/** By HTTPS_PROXY, HTTP_PROXY and NO_PROXY. Throws a KexportError for one that is no address. */
export function proxyFor(
  url: URL,
  env: Readonly<Record<string, string | undefined>>,
): Proxy | undefined {
  const name = url.protocol === 'https:' ? 'https_proxy' : 'http_proxy';
  const text = env[name] ?? env[name.toUpperCase()] ?? '';
  if (text === '' || isDirect(url, env['no_proxy'] ?? env['NO_PROXY'] ?? '')) return undefined;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy?.protocol !== 'http:') {
    throw new KexportError('usage', `${name.toUpperCase()} does not name a proxy`, {
      hint: 'it looks like http://HOST:PORT',
    });
  }
  const { hostname, port } = proxy;
  return {
    url: proxy,
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 80),
    credentials: credentialsOf(proxy),
  };
}

function credentialsOf({ username, password }: URL): Record<string, string> {
  if (username === '') return {};
  const pair = `${percentDecoded(username)}:${keepSecret(percentDecoded(password))}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
}

/** This machine and its metadata service are never reached through a proxy. */
function isDirect({ hostname, host }: URL, noProxy: string): boolean {
  if (hostname === 'localhost' || /^(127\.|169\.254\.|\[::1\])/.test(hostname)) return true;
  const names = noProxy.split(/[,\s]+/).filter((name) => name !== '');
  return names.some((name) => {
    if (name === '*' || name === hostname || name === host) return true;
    return hostname.endsWith(name.startsWith('.') ? name : `.${name}`);
  });
}
